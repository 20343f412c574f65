import type { InstanceReading } from '@nephoscope/core';
import { isNephoscopeError } from '@nephoscope/core';
import { LifecycleEventType } from '@nephoscope/libvirt';
import type { DomainStatsRecord, TypedValue } from '@nephoscope/libvirt';
import { FakeLibvirtd, Fault } from '@nephoscope/libvirt/testing';
import type { FakeDomain, Handler, ProcedureName } from '@nephoscope/libvirt/testing';

import { allParts, inspectorOf, named, until } from './support.js';
import type { TestInspector } from './support.js';

const uuidOf = (id: number): string => `00000000-0000-4000-8000-${String(id).padStart(12, '0')}`;
const tap = (id: number): string => `tap${id}`;

const xmlOf = (
  id: number,
  more = '',
): string => `<domain type='qemu'><name>guest-${id}</name><vcpu>1</vcpu><devices>
  <disk type='file'><target dev='vda'/></disk><interface type='bridge'><target dev='${tap(id)}'/></interface>${more}</devices></domain>`;

/** What QEMU's driver says of a guest without asking its process, and what it says after that. */
const hostStats = (id: number): Record<string, TypedValue> => ({
  'state.state': 1,
  'cpu.time': 100n,
  'vcpu.current': 1,
  'vcpu.maximum': 1,
  'vcpu.0.delay': 5n,
  'balloon.current': 1024n,
  'net.count': 1,
  'net.0.name': tap(id),
  ...Object.fromEntries(['rx.bytes', 'rx.pkts', 'tx.bytes', 'tx.pkts'].map((name) => [`net.0.${name}`, 9n])),
  'block.count': 1,
  'block.0.name': 'vda',
});
const processStats: Record<string, TypedValue> = {
  'balloon.rss': 2048n,
  ...Object.fromEntries(
    ['rd.bytes', 'rd.reqs', 'wr.bytes', 'wr.reqs', 'capacity', 'allocation', 'physical'].map((name) => [
      `block.0.${name}`,
      7n,
    ]),
  ),
};
const guest = (id: number, more: Partial<FakeDomain> = {}): FakeDomain => ({
  name: `guest-${id}`,
  uuid: uuidOf(id),
  id,
  xml: xmlOf(id),
  stats: { ...hostStats(id), ...processStats },
  ...more,
});

const busyPart = { missing: 'busy' };
const never = new Promise<never>(() => undefined);

let daemon: FakeLibvirtd;
let opened: TestInspector[];
beforeEach(async () => {
  daemon = await FakeLibvirtd.listen();
  daemon.handle('connectGetUri', () => 'qemu:///system');
  opened = [];
});
afterEach(async () => {
  await Promise.all(opened.map(({ inspector }) => inspector.stop()));
  await daemon.close();
});

function inspectorFor(options: Record<string, unknown> = {}): TestInspector {
  const made = inspectorOf(daemon.uri, { deadline: 0.15, ...options });
  opened.push(made);
  return made;
}

async function started(domains: readonly FakeDomain[], options?: Record<string, unknown>): Promise<TestInspector> {
  daemon.domains = [...domains];
  const made = inspectorFor(options);
  await made.inspector.start(new AbortController().signal);
  return made;
}

const callsOf = (name: ProcedureName): number => daemon.calls.filter((call) => call.name === name).length;
const names = (readings: readonly InstanceReading[]): string[] => readings.map(({ instance }) => instance.name);
const signal = new AbortController().signal;

/**
 * Answers the bulk call as libvirtd does when these guests hang: a call stays in the first of them that no
 * earlier call is in, and passes over the others. Returns what lets them go on.
 */
function hang(...hung: readonly string[]): { readonly goOn: () => void; readonly waiting: () => number } {
  let goOn = (): void => undefined;
  const again = new Promise<void>((resolve) => (goOn = resolve));
  const held = new Set<string>();
  const answer: Handler<'connectGetAllDomainStats'> = daemon.handle('connectGetAllDomainStats', async (query) => {
    const listed = (query.domains ?? daemon.domains).map(({ uuid }) => uuid);
    const asksProcess = query.groups?.some((group) => ['vcpu', 'balloon', 'block'].includes(group));
    const found = daemon.domains.find(
      ({ name, uuid, id }) =>
        asksProcess && id >= 0 && hung.includes(name) && !held.has(name) && listed.includes(uuid),
    )?.name;
    if (found !== undefined) {
      held.add(found);
      await again;
      held.clear();
    }
    const records = await answer(query);
    return records.map((record) => {
      if (!held.has(record.domain.name)) return record;
      return { ...record, params: new Map([...record.params].filter(([name]) => !(name in processStats))) };
    });
  });
  return {
    goOn: () => {
      daemon.handle('connectGetAllDomainStats', answer);
      goOn();
    },
    waiting: () => held.size,
  };
}

describe('a reading', () => {
  it('is one call with NOWAIT for the groups that are used of those that run, and one for the state of others', async () => {
    const { read } = await started([guest(1), guest(2)]);
    await read(new Set(['cpu', 'disks']));
    daemon.calls.length = 0;
    await read(new Set(['cpu', 'disks']));
    expect(daemon.calls).toEqual([
      {
        name: 'connectGetAllDomainStats',
        args: { groups: ['state', 'cpuTotal', 'vcpu', 'block'], flags: { active: true, nowait: true } },
      },
      { name: 'connectGetAllDomainStats', args: { groups: ['state'], flags: { inactive: true } } },
    ]);
  });

  it('has all parts, the instance, and the moment', async () => {
    const { read } = await started([guest(1)]);
    const [reading] = await read();
    expect(reading).toMatchObject({
      instance: {
        id: uuidOf(1),
        name: 'guest-1',
        displayName: 'guest-1',
        projectId: null,
        userId: null,
        state: 'running',
      },
      parts: {
        cpu: { count: 1, timeNs: 100n, vcpus: [{ number: 0, waitNs: 5n }] },
        memory: { residentKib: 2048n },
        disks: [{ disk: { device: 'vda' }, io: { readBytes: 7n }, size: { capacity: 7n } }],
        vnics: [{ vnic: { name: 'tap1' }, traffic: { rxBytes: 9n } }],
      },
    });
    expect(typeof reading?.readAt).toBe('bigint');
  });

  it('passes over domain 0', async () => {
    const { read } = await started([guest(0), guest(1)]);
    expect(names(await read())).toEqual(['guest-1']);
  });

  it('of a guest that is shut off has the sizes of its disks', async () => {
    const { read } = await started([
      guest(1, { id: -1, stats: { ...hostStats(1), ...processStats, 'state.state': 5 } }),
    ]);
    expect(await read()).toMatchObject([
      {
        instance: { state: 'shutoff', run: undefined },
        parts: {
          cpu: { missing: 'off' },
          memory: { missing: 'off' },
          vnics: { missing: 'off' },
          disks: [{ io: { missing: 'off' }, size: { capacity: 7n } }],
        },
      },
    ]);
  });

  it('says whose a guest without metadata is as it is configured', async () => {
    const { read } = await started([guest(1), guest(22)], {
      owners: [
        { name: 'guest-2*', projectId: 'p', userId: 'u' },
        { name: '*', projectId: 'rest' },
      ],
    });
    const readings = await read();
    expect(named(readings, 'guest-22').instance).toMatchObject({ projectId: 'p', userId: 'u' });
    expect(named(readings, 'guest-1').instance).toMatchObject({ projectId: 'rest', userId: null });
  });

  it('may be asked for while another is under way', async () => {
    const { read } = await started([guest(1), guest(2)]);
    const both = await Promise.all([read(), read()]);
    expect(both.map(names)).toEqual([names(both[0]), names(both[0])]);
  });

  it('ends with its signal', async () => {
    const { inspector } = await started([guest(1)], { deadline: 60 });
    daemon.handle('connectGetAllDomainStats', () => never);
    const abort = new AbortController();
    const reading = inspector.inspect(allParts, abort.signal);
    await until(() => callsOf('connectGetAllDomainStats') > 0);
    abort.abort(new Error('enough'));
    await expect(reading).rejects.toMatchObject({ code: 'INSPECTOR_UNAVAILABLE' });
  });

  it('that is cut short while XML is on its way fails as a whole', async () => {
    const { inspector } = await started([guest(1)], { deadline: 60 });
    daemon.handle('domainGetXmlDesc', () => never);
    const abort = new AbortController();
    const reading = inspector.inspect(allParts, abort.signal);
    await until(() => callsOf('domainGetXmlDesc') === 1);
    abort.abort(new Error('enough'));
    await expect(reading).rejects.toMatchObject({ code: 'INSPECTOR_UNAVAILABLE' });
  });
});

describe('a guest that hangs', () => {
  it('costs only what it alone knows, until it goes on', async () => {
    const { read } = await started([guest(1), guest(2), guest(3)]);
    const { goOn, waiting } = hang('guest-2');
    for (let cycle = 0; cycle < 3; cycle++) {
      daemon.calls.length = 0;
      const readings = await read();
      // One call waits in it, whatever the number of cycles, and it is not asked by itself in each of them.
      expect(waiting()).toBe(1);
      if (cycle > 0) expect(callsOf('connectGetAllDomainStats')).toBe(2);
      expect(names(readings).sort()).toEqual(['guest-1', 'guest-2', 'guest-3']);
      expect(named(readings, 'guest-2').parts).toMatchObject({
        cpu: { timeNs: 100n },
        vnics: [{ traffic: { rxBytes: 9n } }],
        memory: busyPart,
        disks: [{ disk: { device: 'vda' }, io: busyPart, size: busyPart }],
      });
      expect(named(readings, 'guest-3').parts).toMatchObject({
        memory: { residentKib: 2048n },
        disks: [{ io: { readBytes: 7n } }],
      });
    }
    goOn();
    await until(async () => !('missing' in (named(await read(), 'guest-2').parts.memory ?? busyPart)));
  });

  it('is one of five, before the first reading: no connection has all its slots taken', async () => {
    const guests = Array.from({ length: 20 }, (_, index) => guest(index + 1));
    const { read, logged } = await started(guests, { deadline: 0.05 });
    const hung = hang('guest-3', 'guest-7', 'guest-8', 'guest-15', 'guest-20');
    const clients = new Set(daemon.clients);
    for (let cycle = 0; cycle < 3; cycle++) {
      const readings = await read();
      expect(readings.filter(({ parts }) => parts.memory !== undefined && 'missing' in parts.memory)).toHaveLength(
        5,
      );
      expect(readings).toHaveLength(20);
      for (const client of daemon.clients) clients.add(client);
    }
    expect(hung.waiting()).toBe(5);
    // One was given up, and one is for single instances.
    expect(clients.size).toBe(3);
    expect(logged.filter((line) => line.includes('request slots'))).toHaveLength(1);
    hung.goOn();
  });

  it.each([
    ['at the start', false, 9],
    ['after all were well', true, 10],
  ])('is one of twenty, %s: the daemon has workers left', async (_, before, most) => {
    const guests = Array.from({ length: 30 }, (__, index) => guest(index + 1));
    const { read, logged, inspector } = await started(guests, { deadline: 0.02 });
    if (before) await read();
    // The first that is asked is well, and so is each third.
    const hung = hang(...guests.map(({ name }) => name).filter((__, index) => index % 3 !== 0));
    for (let cycle = 0; cycle < 4; cycle++) {
      const readings = await read();
      expect(hung.waiting()).toBeLessThanOrEqual(most);
      expect(readings).toHaveLength(30);
      // What the host knows of one that was found out just now is in the next reading.
      if (cycle > 0) for (const { parts } of readings) expect(parts.cpu).toMatchObject({ timeNs: 100n });
      expect(named(readings, 'guest-1').parts.memory).toMatchObject({ residentKib: 2048n });
    }
    // One that is read by itself takes no worker either.
    await Promise.all(guests.map(({ uuid }) => inspector.inspectInstance(uuid, allParts, signal)));
    expect(hung.waiting()).toBeLessThanOrEqual(most);
    expect(logged.filter((line) => line.includes('max_workers'))).toHaveLength(1);
    hung.goOn();
    const isWell = ({ parts }: InstanceReading): boolean =>
      parts.memory !== undefined && !('missing' in parts.memory);
    await until(async () => (await read()).every(isWell));
  });

  it('is told from a host that is busy: all is read, however long it takes', async () => {
    const { read } = await started(
      Array.from({ length: 17 }, (_, index) => guest(index + 1)),
      { deadline: 0.05 },
    );
    // A daemon that takes its turns: a call holds the domain that it is in, and NOWAIT passes over one that is held.
    const held = new Set<string>();
    const bulk: Handler<'connectGetAllDomainStats'> = daemon.handle('connectGetAllDomainStats', async (query) => {
      const records: DomainStatsRecord[] = [];
      for (const record of await bulk(query)) {
        const { uuid } = record.domain;
        if (held.has(uuid)) {
          records.push({
            ...record,
            params: new Map([...record.params].filter(([name]) => !(name in processStats))),
          });
          continue;
        }
        held.add(uuid);
        await new Promise((resolve) => setTimeout(resolve, 40));
        held.delete(uuid);
        records.push(record);
      }
      return records;
    });
    for (let cycle = 0; cycle < 3; cycle++) {
      const readings = await read();
      expect(readings).toHaveLength(17);
      for (const { parts } of readings)
        expect(parts).toMatchObject({ memory: { residentKib: 2048n }, disks: [{ io: { readBytes: 7n } }] });
    }
    // It learned what this host needs, and asks nobody twice.
    daemon.calls.length = 0;
    await read();
    expect(callsOf('connectGetAllDomainStats')).toBe(2);
  });

  it('is told from a host that is merely slow at first', async () => {
    const { read } = await started(
      Array.from({ length: 100 }, (_, index) => guest(index + 1)),
      { deadline: 0.01 },
    );
    const answer: Handler<'connectGetAllDomainStats'> = daemon.handle(
      'connectGetAllDomainStats',
      async (query) => {
        await new Promise((resolve) => setTimeout(resolve, 400));
        return answer(query);
      },
    );
    expect(await read(new Set(['cpu']))).toHaveLength(100);
    expect(callsOf('connectGetAllDomainStats')).toBe(2);
  });
});

describe('a daemon', () => {
  it('that answers nothing is given up in time, and read again when it goes on', async () => {
    const { inspector, read } = await started([guest(1)]);
    await read();
    const stats = daemon.handle('connectGetAllDomainStats', () => never);
    const version = daemon.handle('connectGetLibVersion', () => never);
    await expect(read()).rejects.toThrow(expect.objectContaining({ code: 'INSPECTOR_UNAVAILABLE' }));
    expect(inspector.health()).toMatchObject({
      ok: false,
      reason: expect.stringContaining('restart it') as unknown,
    });
    await until(() => inspector.health().ok);
    daemon.handle('connectGetAllDomainStats', stats);
    daemon.handle('connectGetLibVersion', version);
    expect(await read()).toHaveLength(1);
  });

  it('that answers nothing on one connection is read on another, in the same reading', async () => {
    const { read, logged } = await started([guest(1)]);
    await read();
    for (const client of daemon.clients) client.pause();
    expect(await read()).toHaveLength(1);
    expect(logged).toContainEqual(expect.stringContaining('max_client_requests'));
  });

  it('that knows no NOWAIT is asked without', async () => {
    const { read } = await started([guest(1), guest(2)]);
    const answer: Handler<'connectGetAllDomainStats'> = daemon.handle('connectGetAllDomainStats', (query) => {
      if (query.flags?.nowait)
        throw new Fault(8, 'unsupported flags (0x20000000) in function qemuConnectGetAllDomainStats');
      return answer(query);
    });
    for (let cycle = 0; cycle < 2; cycle++) {
      daemon.calls.length = 0;
      expect(await read()).toMatchObject([
        { parts: { cpu: { timeNs: 100n } } },
        { parts: { cpu: { timeNs: 100n } } },
      ]);
    }
    expect(callsOf('connectGetAllDomainStats')).toBe(2);
  });

  it('that fails for all because of one guest gives the others', async () => {
    const { read, logged } = await started([guest(1), guest(2), guest(3)]);
    const answer: Handler<'connectGetAllDomainStats'> = daemon.handle('connectGetAllDomainStats', (query) => {
      const listed = query.domains?.map(({ uuid }) => uuid) ?? [uuidOf(2)];
      if (listed.includes(uuidOf(2)) && query.groups?.includes('block') && !query.flags?.inactive)
        throw new Fault(1, 'internal error: missing storage');
      return answer(query);
    });
    for (let cycle = 0; cycle < 2; cycle++) {
      const readings = await read();
      expect(names(readings).sort()).toEqual(['guest-1', 'guest-2', 'guest-3']);
      for (const name of ['guest-1', 'guest-3'])
        expect(named(readings, name).parts).toMatchObject({
          memory: { residentKib: 2048n },
          disks: [{ io: { readBytes: 7n } }],
        });
      expect(named(readings, 'guest-2')).toMatchObject({
        instance: { state: 'running' },
        parts: {
          cpu: { timeNs: 100n },
          disks: { missing: 'error', detail: 'internal error: missing storage' },
          vnics: [{ traffic: { rxBytes: 9n } }],
        },
      });
    }
    expect(logged).toEqual([expect.stringMatching(/^warn: libvirt fails for all .*missing storage/)]);
  });

  it('whose driver has no bulk call and no events is asked by the calls that it has', async () => {
    const info = { state: 1, maxMemoryKib: 1n, memoryKib: 1n, vcpus: 2, cpuTimeNs: 5n };
    daemon.handle('connectGetUri', () => 'lxc:///system');
    daemon.handle('eventRegister', () => {
      throw new Fault(
        3,
        'this function is not supported by the connection driver: virConnectDomainEventRegisterAny',
      );
    });
    daemon.handle('connectGetAllDomainStats', () => {
      throw new Fault(3, 'this function is not supported by the connection driver: virConnectGetAllDomainStats');
    });
    const container = (id: number, more: Partial<FakeDomain> = {}): FakeDomain =>
      guest(id, { info, memoryStats: { rss: 3n }, ...more });
    const off = { id: -1, info: { ...info, state: 5 } };
    const { inspector, read, logged } = await started([container(1), container(2, off)]);
    const told: string[] = [];
    inspector.watch(({ kind, instanceId }) => told.push(`${kind} ${instanceId.at(-1)}`));
    await read();
    const readings = await read();
    expect(named(readings, 'guest-1')).toMatchObject({
      instance: { state: 'running' },
      parts: { cpu: { count: 2, timeNs: 5n }, memory: { residentKib: 3n } },
    });
    expect(named(readings, 'guest-2')).toMatchObject({
      instance: { state: 'shutoff', run: undefined },
      parts: { cpu: { missing: 'off' } },
    });
    expect(await inspector.inspectInstance(uuidOf(1), allParts, signal)).toMatchObject({
      instance: { name: 'guest-1', state: 'running' },
      parts: { cpu: { timeNs: 5n } },
    });
    daemon.domains = [container(1, off), container(2, { id: 7 })];
    await read();
    expect(told.sort()).toEqual(['started 2', 'stopped 1']);
    expect(logged.filter((line) => line.includes('no events'))).toHaveLength(1);
    // What no event announces is read anew.
    daemon.domains = [container(2, { id: 7, xml: '<domain><devices/></domain>' })];
    expect((await read())[0]?.parts).toMatchObject({ disks: [], vnics: [] });
  });

  it('that locks itself over the image of a guest that is shut off gives all others', async () => {
    const off = { id: -1, stats: { ...hostStats(3), ...processStats, 'state.state': 5 } };
    const { read, logged } = await started([guest(1), guest(2), guest(3, off), guest(4, off)]);
    let goOn = (): void => undefined;
    const again = new Promise<void>((resolve) => (goOn = resolve));
    let locked = false;
    const list: Handler<'connectListAllDomains'> = daemon.handle('connectListAllDomains', async (filter) => {
      if (locked) await again;
      return list(filter);
    });
    const stats: Handler<'connectGetAllDomainStats'> = daemon.handle('connectGetAllDomainStats', async (query) => {
      const asked = query.domains?.map(({ uuid }) => uuid) ?? [uuidOf(3)];
      if (asked.includes(uuidOf(3)) && query.groups?.includes('block') && !query.flags?.active) locked = true;
      if (asked.includes(uuidOf(3)) && locked) await again;
      return stats(query);
    });
    for (let cycle = 0; cycle < 3; cycle++) {
      const readings = await read();
      expect(names(readings).sort()).toEqual(['guest-1', 'guest-2', 'guest-3', 'guest-4']);
      for (const name of ['guest-1', 'guest-2'])
        expect(named(readings, name).parts).toMatchObject({
          memory: { residentKib: 2048n },
          disks: [{ io: { readBytes: 7n } }],
        });
      for (const name of ['guest-3', 'guest-4'])
        expect(named(readings, name)).toMatchObject({
          instance: { state: 'shutoff' },
          parts: {
            cpu: { missing: 'off' },
            disks: [
              {
                disk: { device: 'vda' },
                io: { missing: 'off' },
                size: { missing: 'busy', detail: expect.stringContaining('guest-3') as unknown },
              },
            ],
          },
        });
    }
    expect(logged).toEqual([expect.stringMatching(/^warn: .*guest-3, which is shut off.*virsh list/)]);
    locked = false;
    goOn();
    await until(async () => {
      const { disks } = named(await read(), 'guest-4').parts;
      return Array.isArray(disks) && !('missing' in (disks[0] as { size: object }).size);
    });
  });

  it('that dies in the middle of a call is asked again in the same reading', async () => {
    const { read, logged } = await started([guest(1)]);
    const [before] = await read();
    const answer: Handler<'connectGetAllDomainStats'> = daemon.handle('connectGetAllDomainStats', () => {
      daemon.handle('connectGetAllDomainStats', answer);
      daemon.dropConnections();
      return never;
    });
    const [after] = await read();
    expect(logged).toEqual([
      expect.stringContaining('connecting again'),
      expect.stringContaining('connected again'),
    ]);
    // It was another connection, on which all was read anew, and found the same.
    expect(after?.instance).toBe(before?.instance);
  });

  it('that dies twice in a reading is left to the next', async () => {
    const { read } = await started([guest(1)]);
    const answer: Handler<'connectGetAllDomainStats'> = daemon.handle('connectGetAllDomainStats', () => {
      daemon.dropConnections();
      return never;
    });
    await expect(read()).rejects.toMatchObject({ code: 'INSPECTOR_UNAVAILABLE' });
    daemon.handle('connectGetAllDomainStats', answer);
    expect(await read()).toHaveLength(1);
  });

  it('that is away is tried again with growing pauses, and named', async () => {
    const { inspector, read, logged } = await started([guest(1)]);
    await daemon.stop();
    await until(() => logged.filter((line) => line.includes('the next try')).length === 2);
    expect(logged[1]).toMatch(/the next try is in 0\.25 s$/);
    expect(logged[2]).toMatch(/the next try is in 0\.5 s$/);
    expect(inspector.health()).toMatchObject({
      ok: false,
      reason: expect.stringContaining(daemon.socket) as unknown,
    });
    const failure: unknown = await read().catch((error: unknown) => error);
    expect(isNephoscopeError(failure, 'INSPECTOR_UNAVAILABLE')).toBe(true);
    await daemon.start();
    expect(await read()).toHaveLength(1);
    expect(inspector.health()).toEqual({ ok: true });
  });

  it('that is not there makes the start fail at once, saying where and what to do', async () => {
    await daemon.stop();
    const { inspector, read } = inspectorFor();
    const failure = inspector.start(signal);
    await expect(failure).rejects.toMatchObject({ code: 'INSPECTOR_UNAVAILABLE' });
    await expect(failure).rejects.toThrow(daemon.uri);
    await expect(failure).rejects.toMatchObject({
      cause: { message: expect.stringContaining('libvirtd') as unknown },
    });
    await expect(read()).rejects.toMatchObject({ code: 'INSPECTOR_UNAVAILABLE' });
  });

  it('that refuses events makes the start fail, and is left', async () => {
    daemon.handle('eventRegister', () => {
      throw new Fault(88, 'access denied');
    });
    await expect(inspectorFor().inspector.start(signal)).rejects.toMatchObject({
      cause: { message: 'access denied' },
    });
    await until(() => daemon.clients.length === 0);
  });
});

describe('stop', () => {
  it('before start, twice and at once', async () => {
    const { inspector } = inspectorFor();
    await Promise.all([inspector.stop(), inspector.stop()]);
    await inspector.stop();
    await expect(inspector.start(signal)).rejects.toMatchObject({ code: 'INSPECTOR_UNAVAILABLE' });
    expect(daemon.clients).toHaveLength(0);
  });

  it('after start leaves no connection', async () => {
    const { inspector, read } = await started([guest(1)]);
    await Promise.all([inspector.stop(), inspector.stop()]);
    await until(() => daemon.clients.length === 0);
    await expect(read()).rejects.toMatchObject({ code: 'INSPECTOR_UNAVAILABLE' });
    expect(inspector.health()).toMatchObject({ ok: false });
  });

  it('while it starts ends that, and leaves no connection', async () => {
    daemon.handle('connectGetUri', () => never);
    const { inspector } = inspectorFor();
    const starting = inspector.start(signal).catch((error: unknown) => error);
    await until(() => callsOf('connectGetUri') === 2);
    await inspector.stop();
    expect(isNephoscopeError(await starting, 'INSPECTOR_UNAVAILABLE')).toBe(true);
    await until(() => daemon.clients.length === 0);
  });

  it('while it connects again ends that', async () => {
    const { inspector, logged } = await started([guest(1)]);
    await daemon.stop();
    await until(() => logged.some((line) => line.includes('the next try')));
    await inspector.stop();
    const lines = logged.length;
    await daemon.start();
    expect(logged).toHaveLength(lines);
    expect(daemon.clients).toHaveLength(0);
  });

  it('in the middle of a reading ends it', async () => {
    const { inspector, read } = await started([guest(1)], { deadline: 60 });
    daemon.handle('connectGetAllDomainStats', () => never);
    const reading = read().catch((error: unknown) => error);
    await until(() => callsOf('connectGetAllDomainStats') > 0);
    await inspector.stop();
    expect(isNephoscopeError(await reading, 'INSPECTOR_UNAVAILABLE')).toBe(true);
  });
});

describe('XML', () => {
  it('that cannot be read costs what only it says, until it can be; that is gone with its domain, that domain', async () => {
    const { read, logged } = await started([guest(1), guest(2, { xml: '<nothing/>' }), guest(3), guest(4)]);
    const answer: Handler<'domainGetXmlDesc'> = daemon.handle('domainGetXmlDesc', (args) => {
      if (args.domain.name === 'guest-3') throw new Fault(42, 'Domain not found');
      if (args.domain.name === 'guest-4') throw new Fault(1, 'internal error');
      return answer(args);
    });
    for (let cycle = 0; cycle < 2; cycle++) {
      const readings = await read();
      expect(names(readings)).toEqual(['guest-1', 'guest-2', 'guest-4']);
      for (const name of ['guest-2', 'guest-4'])
        expect(named(readings, name)).toMatchObject({
          instance: { state: 'running', projectId: null, userId: null, run: expect.any(String) as unknown },
          parts: {
            cpu: { count: 1, timeNs: 100n },
            memory: { residentKib: 2048n },
            disks: [{ disk: { device: 'vda' }, io: { readBytes: 7n } }],
            vnics: [{ vnic: { name: tap(Number(name.at(-1))), mac: null }, traffic: { rxBytes: 9n } }],
          },
        });
      const [first, second] = await Promise.all([read(), read()]);
      expect(named(first, 'guest-2').instance).toBe(named(second, 'guest-2').instance);
    }
    expect(logged.sort()).toEqual([
      expect.stringMatching(/^warn: guest-2 is metered without its owner.* no <domain>/),
      expect.stringMatching(/^warn: guest-4 is metered without its owner.* internal error/),
    ]);
    daemon.domains = [guest(2)];
    expect(named(await read(), 'guest-2').parts).toMatchObject({ vnics: [{ vnic: { name: 'tap2' } }] });
  });

  it('that cannot be read again leaves what was last known', async () => {
    const nova = `<metadata><n:instance xmlns:n='http://openstack.org/xmlns/libvirt/nova/1.1'><n:owner><n:project uuid='p'/></n:owner></n:instance></metadata>`;
    const { read, logged } = await started([guest(1, { xml: xmlOf(1).replace('<vcpu>', `${nova}<vcpu>`) })], {
      owners: [{ name: '*', projectId: 'somebody' }],
    });
    const [before] = await read();
    expect(before?.instance.projectId).toBe('p');
    daemon.domains = [guest(1, { xml: '<domain>' })];
    daemon.emitDeviceAdded({ domain: daemon.domains[0]!, device: 'net1' });
    for (let cycle = 0; cycle < 2; cycle++) {
      const [after] = await read();
      expect(after).toMatchObject({
        instance: { projectId: 'p' },
        parts: { disks: [{ io: { readBytes: 7n } }], vnics: [{ traffic: { rxBytes: 9n } }] },
      });
    }
    expect(logged).toEqual([
      expect.stringMatching(/^warn: guest-1 is metered with what was last known of it.*not well-formed/),
    ]);
    daemon.domains = [guest(2, { xml: '<nothing/>' })];
    expect((await read())[0]?.instance.projectId).toBeNull();
  });

  it('that never comes costs only what it says, and is not asked for again meanwhile', async () => {
    const { read } = await started([guest(1), guest(2), guest(3)]);
    const answer: Handler<'domainGetXmlDesc'> = daemon.handle('domainGetXmlDesc', (args) =>
      args.domain.name === 'guest-2' ? never : answer(args),
    );
    for (let cycle = 0; cycle < 3; cycle++) {
      const readings = await read();
      expect(names(readings)).toEqual(['guest-1', 'guest-2', 'guest-3']);
      expect(named(readings, 'guest-2').parts).toMatchObject({ cpu: { timeNs: 100n } });
    }
    expect(callsOf('domainGetXmlDesc')).toBe(3);
  });

  it('is read once, and again on another id or an event that announces a change', async () => {
    const { read } = await started([guest(1), guest(2)]);
    await read();
    await read();
    expect(callsOf('domainGetXmlDesc')).toBe(2);

    daemon.domains = [guest(1), guest(2, { id: 5 })];
    await read();
    expect(callsOf('domainGetXmlDesc')).toBe(3);

    const [first] = daemon.domains;
    const told: (() => void)[] = [
      () => daemon.emitLifecycle({ domain: first!, event: LifecycleEventType.defined, detail: 1 }),
      () => daemon.emitDeviceAdded({ domain: first!, device: 'net1' }),
      () => daemon.emitDeviceRemoved({ domain: first!, device: 'net1' }),
    ];
    for (const [index, tell] of told.entries()) {
      tell();
      await read();
      expect(callsOf('domainGetXmlDesc')).toBe(4 + index);
    }
    daemon.emitLifecycle({ domain: first!, event: LifecycleEventType.suspended, detail: 0 });
    await read();
    expect(callsOf('domainGetXmlDesc')).toBe(6);
  });

  it('of a domain that is gone is forgotten', async () => {
    const { read } = await started([guest(1), guest(2)]);
    await read();
    daemon.domains = [guest(1)];
    await read();
    daemon.domains = [guest(1), guest(2)];
    await read();
    expect(callsOf('domainGetXmlDesc')).toBe(3);
  });

  it('that changed while it was on its way is read again', async () => {
    const { read } = await started([guest(1)]);
    const answer: Handler<'domainGetXmlDesc'> = daemon.handle('domainGetXmlDesc', async (args) => {
      const old = await answer(args);
      daemon.handle('domainGetXmlDesc', answer);
      daemon.domains = [guest(1, { xml: xmlOf(1, "<disk><target dev='vdb'/></disk>") })];
      daemon.emitDeviceAdded({ domain: args.domain, device: 'virtio-disk1' });
      return old;
    });
    await read();
    await read();
    expect(callsOf('domainGetXmlDesc')).toBe(2);
  });
});

describe('objects', () => {
  const parts = (reading: InstanceReading | undefined) => {
    const { disks, vnics } = reading?.parts ?? {};
    if (!Array.isArray(disks) || !Array.isArray(vnics)) throw new Error('disks or vnics are missing');
    return { disk: (disks as { disk: object }[])[0]?.disk, vnic: (vnics as { vnic: object }[])[0]?.vnic };
  };

  it('stay the same from reading to reading, also when XML is read again and says the same', async () => {
    const { read } = await started([guest(1)]);
    const [before] = await read();
    const [next] = await read();
    daemon.emitDeviceAdded({ domain: daemon.domains[0]!, device: 'rng0' });
    const [reread] = await read();
    expect(callsOf('domainGetXmlDesc')).toBe(2);
    for (const after of [next, reread]) {
      expect(after?.instance).toBe(before?.instance);
      expect(parts(after).disk).toBe(parts(before).disk);
      expect(parts(after).vnic).toBe(parts(before).vnic);
    }
  });

  it('are others as far as something in them changed', async () => {
    const { read } = await started([guest(1)]);
    const [before] = await read();

    daemon.domains = [guest(1, { xml: xmlOf(1, "<disk><target dev='vdb'/></disk>") })];
    daemon.emitDeviceAdded({ domain: daemon.domains[0]!, device: 'virtio-disk1' });
    const [plugged] = await read();
    expect(parts(plugged).disk).toBe(parts(before).disk);
    expect(parts(plugged).vnic).toBe(parts(before).vnic);

    daemon.domains = [
      guest(1, { ...daemon.domains[0], stats: { ...hostStats(1), ...processStats, 'state.state': 3 } }),
    ];
    const [paused] = await read();
    expect(paused?.instance).not.toBe(plugged?.instance);
    expect(paused?.instance).toMatchObject({ state: 'paused', metadata: { status: 'paused' } });

    daemon.domains = [{ ...daemon.domains[0]!, id: 9 }];
    const [restarted] = await read();
    expect(restarted?.instance.run).not.toBe(paused?.instance.run);
    expect(restarted?.instance.metadata).toBe(paused?.instance.metadata);

    daemon.domains = [{ ...daemon.domains[0]!, name: 'renamed' }];
    expect((await read())[0]?.instance).toMatchObject({ name: 'renamed', metadata: { name: 'renamed' } });
  });
});

describe('a driver that reports nothing in bulk', () => {
  const info = { state: 1, maxMemoryKib: 1n, memoryKib: 1n, vcpus: 2, cpuTimeNs: 2n ** 63n };
  const io = { readBytes: 1n, readRequests: 2n, writeBytes: 3n, writeRequests: 4n, errors: undefined };
  const traffic = {
    rxBytes: 1n,
    rxPackets: 2n,
    rxErrors: 3n,
    rxDrop: 4n,
    txBytes: 5n,
    txPackets: 6n,
    txErrors: undefined,
    txDrop: 8n,
  };
  const plain = (id: number, more: Partial<FakeDomain> = {}): FakeDomain =>
    guest(id, {
      stats: { 'state.state': 1 },
      info,
      memoryStats: { available: 10n, unused: 4n, rss: 3n },
      blockStats: { vda: io },
      blockInfo: { vda: { capacity: 3n, allocation: 2n, physical: 1n } },
      interfaceStats: { [tap(id)]: traffic },
      ...more,
    });
  beforeEach(() => void daemon.handle('connectGetUri', () => 'xen:///system'));

  it('is asked for each device', async () => {
    const { read } = await started([plain(1)]);
    expect((await read())[0]?.parts).toMatchObject({
      cpu: { count: 2, timeNs: 2n ** 63n, vcpus: { missing: 'unsupported' } },
      memory: { usedKib: 6n, residentKib: 3n, swapInKib: undefined },
      disks: [
        { io: { readBytes: 1n, writeRequests: 4n, readTimeNs: undefined }, size: { capacity: 3n, physical: 1n } },
      ],
      vnics: [{ traffic: { rxBytes: 1n, rxDrops: 4n, txErrors: undefined, txDrops: 8n } }],
    });
  });

  it('is not asked for what its bulk record has', async () => {
    const { read } = await started([plain(1, { stats: { ...hostStats(1), ...processStats } })]);
    const [reading] = await read();
    expect(reading?.parts).toMatchObject({ cpu: { timeNs: 100n }, disks: [{ io: { readBytes: 7n } }] });
    expect(callsOf('domainGetInfo') + callsOf('domainBlockStats') + callsOf('domainInterfaceStats')).toBe(0);
  });

  it('says what it does not support, does not know, or fails in', async () => {
    const card = "<interface type='hostdev'><mac address='fa:16:3e:00:00:01'/></interface>";
    const unknown = { ...io, readBytes: undefined };
    const { read } = await started([
      guest(1, { stats: { 'state.state': 1 }, blockStats: { vda: unknown }, xml: xmlOf(1, card) }),
      plain(2, { id: -1 }),
    ]);
    daemon.handle('domainGetBlockInfo', () => {
      throw new Fault(55, 'domain is not running');
    });
    daemon.handle('domainMemoryStats', () => {
      throw new Fault(1, 'internal error: broken');
    });
    const unsupported = { missing: 'unsupported' };
    const readings = await read();
    expect(named(readings, 'guest-1').parts).toMatchObject({
      cpu: unsupported,
      memory: { missing: 'error', detail: 'internal error: broken' },
      disks: [{ io: unsupported, size: { missing: 'off' } }],
      vnics: [
        { traffic: unsupported },
        { traffic: { missing: 'unsupported', detail: expect.stringContaining('passed through') as unknown } },
      ],
    });
    expect(named(readings, 'guest-2').parts).toMatchObject({
      cpu: { missing: 'off' },
      memory: { missing: 'off' },
      vnics: { missing: 'off' },
    });
  });

  it('leaves out a domain that vanishes between two calls', async () => {
    const { read } = await started([plain(1), plain(2)]);
    const answer: Handler<'domainBlockStats'> = daemon.handle('domainBlockStats', (args) => {
      if (args.domain.name === 'guest-1') throw new Fault(42, 'Domain not found');
      return answer(args);
    });
    expect(names(await read())).toEqual(['guest-2']);
  });

  it('that hangs for one domain has one call waiting in it, until that comes back', async () => {
    const { read } = await started([plain(1), plain(2)]);
    let goOn = (): void => undefined;
    const again = new Promise<void>((resolve) => (goOn = resolve));
    const answer: Handler<'domainGetInfo'> = daemon.handle('domainGetInfo', async (domain) => {
      if (domain.name === 'guest-1') await again;
      return answer(domain);
    });
    for (let cycle = 0; cycle < 3; cycle++) {
      const readings = await read();
      expect(named(readings, 'guest-1').parts).toMatchObject({
        cpu: busyPart,
        memory: busyPart,
        disks: [{ io: busyPart, size: busyPart }],
      });
      expect(named(readings, 'guest-2').parts).toMatchObject({ cpu: { count: 2 } });
    }
    expect(callsOf('domainGetInfo')).toBe(4);
    goOn();
    await until(async () => !('missing' in (named(await read(), 'guest-1').parts.cpu ?? busyPart)));
  });
});
