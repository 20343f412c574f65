import type { LifecycleEvent } from '@nephoscope/core/inspector';
import type { InstanceReading } from '@nephoscope/core/instance';
import { LifecycleEventType } from '@nephoscope/libvirt';
import type { TypedValue } from '@nephoscope/libvirt';
import type { FakeDomain, Handler } from '@nephoscope/libvirt/testing';

import {
  busyPart,
  callsOf,
  daemon,
  never,
  signal,
  started as startedWith,
  useFakeDaemon,
  uuidOf,
} from './fake-host.js';
import { allParts, until } from './support.js';

const ofProcess: Record<string, TypedValue> = {
  'balloon.rss': 2048n,
  ...Object.fromEntries(
    ['rd.bytes', 'rd.reqs', 'wr.bytes', 'wr.reqs', 'capacity', 'allocation', 'physical'].map((name) => [
      `block.0.${name}`,
      7n,
    ]),
  ),
};
const ofHost: Record<string, TypedValue> = {
  'state.state': 1,
  'cpu.time': 100n,
  'vcpu.current': 1,
  'block.count': 1,
  'block.0.name': 'vda',
};
const guest = (id: number, more: Partial<FakeDomain> = {}): FakeDomain => ({
  name: `guest-${id}`,
  uuid: uuidOf(id),
  id,
  xml: `<domain type='qemu'><name>guest-${id}</name><vcpu>1</vcpu><devices>
    <disk type='file'><target dev='vda'/></disk></devices></domain>`,
  stats: { ...ofHost, ...ofProcess },
  ...more,
});
/** The figures of a guest that is locked by another job. */
const held = (id: number): FakeDomain => guest(id, { stats: ofHost });

useFakeDaemon();

async function started(domains: readonly FakeDomain[], options: Record<string, unknown> = {}) {
  const made = await startedWith(domains, { deadline: 0.3, ...options });
  const readOne = (id: number) => made.inspector.inspectInstance(uuidOf(id), allParts, signal);
  return { ...made, readOne };
}

const isWhole = (reading: InstanceReading | undefined) =>
  reading !== undefined && Object.values(reading.parts).every((part) => !('missing' in part));

describe('a single instance', () => {
  it('is read by calls for it alone, with NOWAIT, if its XML is known', async () => {
    const { read, readOne } = await started([guest(1), guest(2)]);
    const [, second] = await read();
    daemon.calls.length = 0;
    const reading = await readOne(2);
    expect(reading?.instance).toBe(second?.instance);
    expect(reading?.parts).toEqual(second?.parts);
    const alone = { flags: { nowait: true }, domains: [{ name: uuidOf(2), uuid: uuidOf(2), id: -1 }] };
    const all = ['state', 'cpuTotal', 'balloon', 'vcpu', 'interface', 'block', 'perf'];
    expect(daemon.calls).toEqual([
      {
        name: 'connectGetAllDomainStats',
        args: { ...alone, groups: ['state', 'cpuTotal', 'interface'] },
      },
      { name: 'connectGetAllDomainStats', args: { ...alone, groups: all } },
    ]);
  });

  it("that ends while its process is queried has the host's figures", async () => {
    const { read, readOne } = await started([guest(1)], { deadline: 0.09 });
    await read();
    const answer: Handler<'connectGetAllDomainStats'> = daemon.handle('connectGetAllDomainStats', (query) =>
      query.groups?.includes('block') === true ? never : answer(query),
    );
    expect((await readOne(1))?.parts).toMatchObject({
      cpu: { count: 1, timeNs: 100n, vcpus: busyPart },
      memory: busyPart,
      disks: busyPart,
    });
    // While that call is pending, its process is not queried again.
    daemon.calls.length = 0;
    await readOne(1);
    expect(callsOf('connectGetAllDomainStats')).toBe(1);
  });

  it('can be read before any reading of the host, which then has the same object', async () => {
    const { read, readOne } = await started([guest(1)]);
    const reading = await readOne(1);
    expect(isWhole(reading)).toBe(true);
    expect((await read())[0]?.instance).toBe(reading?.instance);
  });

  it('is undefined if it is not on this host, or if it is the hypervisor itself', async () => {
    const { readOne } = await started([guest(0)]);
    expect(await readOne(5)).toBeUndefined();
    expect(await readOne(0)).toBeUndefined();
  });

  it('that another reading locks briefly is queried until it is complete', async () => {
    const { readOne } = await started([held(1)]);
    const reading = readOne(1);
    await until(() => callsOf('connectGetAllDomainStats') === 4);
    daemon.domains = [guest(1)];
    expect(isWhole(await reading)).toBe(true);
  });

  it("that is locked for longer is read without its process's figures", async () => {
    const { readOne } = await started([held(1)]);
    const reading = await readOne(1);
    expect(reading?.parts).toMatchObject({ cpu: { timeNs: 100n }, memory: { missing: 'busy' } });
  });

  it('that vanishes while it is queried again has the figures read before', async () => {
    const { read, readOne } = await started([held(1)]);
    await read();
    const before = callsOf('connectGetAllDomainStats');
    const reading = readOne(1);
    await until(() => callsOf('connectGetAllDomainStats') > before + 2);
    daemon.domains = [];
    expect((await reading)?.parts).toMatchObject({ cpu: { timeNs: 100n } });
  });

  it('whose XML cannot be read again keeps its previous facts', async () => {
    const { read, readOne } = await started([guest(1)]);
    const [before] = await read();
    daemon.emitLifecycle({ domain: guest(1), event: LifecycleEventType.defined, detail: 0 });
    daemon.handle('domainGetXmlDesc', () => never);
    const reading = await readOne(1);
    expect(reading?.instance).toEqual(before?.instance);
    expect(isWhole(reading)).toBe(true);
  });

  it('is read while a reading of the host hangs', async () => {
    const { inspector, read, readOne } = await started([guest(1)], { deadline: 60 });
    const answer: Handler<'connectGetAllDomainStats'> = daemon.handle('connectGetAllDomainStats', (query) =>
      query.domains === undefined ? never : answer(query),
    );
    const host = read().catch((error: unknown) => error);
    await until(() => callsOf('connectGetAllDomainStats') > 0);
    expect(isWhole(await readOne(1))).toBe(true);
    await inspector.stop();
    await host;
  });
});

describe('a single instance that does not respond', () => {
  /** Calls for these guests hang until the returned function is called. */
  function hang(...ids: readonly number[]): () => void {
    let goOn: () => void = () => undefined;
    const again = new Promise<void>((resolve) => (goOn = resolve));
    const uuids = new Set(ids.map(uuidOf));
    const answer: Handler<'connectGetAllDomainStats'> = daemon.handle(
      'connectGetAllDomainStats',
      async (query) => {
        if (query.domains?.some(({ uuid }) => uuids.has(uuid))) await again;
        return answer(query);
      },
    );
    return () => {
      uuids.clear();
      goOn();
    };
  }

  it('fails within the deadline, and is not queried again until its call returns', async () => {
    const { readOne } = await started([guest(1), guest(2)], { deadline: 0.09 });
    const goOn = hang(1);
    await expect(readOne(1)).rejects.toMatchObject({ code: 'INSPECTOR_UNAVAILABLE' });
    expect(callsOf('connectGetAllDomainStats')).toBe(2);
    await expect(readOne(1)).rejects.toThrow(uuidOf(1));
    expect(callsOf('connectGetAllDomainStats')).toBe(2);
    expect(isWhole(await readOne(2))).toBe(true);
    goOn();
    await until(async () => isWhole(await readOne(1).catch(() => undefined)));
  });

  it('does not affect others, however many do not respond', async () => {
    const { readOne } = await started(
      Array.from({ length: 9 }, (_, index) => guest(index + 1)),
      { deadline: 0.09 },
    );
    hang(1, 2, 3, 4, 5, 6);
    for (const id of [1, 2, 3, 4, 5, 6]) {
      await expect(readOne(id)).rejects.toMatchObject({ code: 'INSPECTOR_UNAVAILABLE' });
      expect(isWhole(await readOne(9))).toBe(true);
    }
  });

  it('ends with its signal', async () => {
    const { inspector } = await started([guest(1)], { deadline: 60 });
    hang(1);
    const end = new AbortController();
    const reading = inspector.inspectInstance(uuidOf(1), allParts, end.signal);
    await until(() => callsOf('connectGetAllDomainStats') === 2);
    end.abort(new Error('enough'));
    await expect(reading).rejects.toMatchObject({ code: 'INSPECTOR_UNAVAILABLE' });
  });
});

describe('events', () => {
  const { started: start, stopped: stop, shutdown, crashed, suspended, pmsuspended, resumed } = LifecycleEventType;

  async function watching(domains: readonly FakeDomain[]) {
    const made = await started(domains);
    const events: LifecycleEvent[] = [];
    const end = made.inspector.watch((event) => events.push(event));
    await until(() => callsOf('connectListAllDomains') === 1);
    return { ...made, events, end, told: () => events.map(({ kind, instanceId }) => `${kind} ${instanceId}`) };
  }
  const emit = (event: number, domain: FakeDomain) => daemon.emitLifecycle({ domain, event, detail: 0 });

  it('report starts and ends, and nothing else, as long as there is a listener', async () => {
    const { events, end, read } = await watching([guest(1)]);
    for (const event of [resumed, start, suspended, pmsuspended, shutdown, crashed, stop]) emit(event, guest(1));
    await until(() => events.length === 6);
    expect(events.map(({ kind }) => kind)).toEqual([
      'started',
      'stopping',
      'stopping',
      'stopping',
      'stopping',
      'stopped',
    ]);
    expect(new Set(events.map(({ instanceId }) => instanceId))).toEqual(new Set([uuidOf(1)]));
    end();
    emit(start, guest(1));
    await read();
    expect(events).toHaveLength(6);
  });

  it('continue after a restart of the daemon, with what happened meanwhile', async () => {
    const { told, inspector, events } = await watching([guest(1), guest(2), guest(3)]);
    emit(start, guest(4));
    await until(() => events.length === 1);
    await daemon.stop();
    await until(() => !inspector.health().ok);
    // 1 continues, 2 was restarted, 3 and 4 ended, 5 is new.
    daemon.domains = [guest(1), guest(2, { id: 12 }), guest(5)];
    await daemon.start();
    await until(() => events.length === 5);
    expect(told().slice(1).sort()).toEqual([
      `started ${uuidOf(2)}`,
      `started ${uuidOf(5)}`,
      `stopped ${uuidOf(3)}`,
      `stopped ${uuidOf(4)}`,
    ]);
    emit(stop, guest(5));
    await until(() => events.length === 6);
    expect(told().at(-1)).toBe(`stopped ${uuidOf(5)}`);
  });

  it('are reported once if they arrive while the domains are listed', async () => {
    const { told, events, inspector } = await watching([guest(1)]);
    const list: Handler<'connectListAllDomains'> = daemon.handle('connectListAllDomains', async (filter) => {
      daemon.handle('connectListAllDomains', list);
      const before = await list(filter);
      emit(stop, guest(1));
      emit(start, guest(2));
      await until(() => events.length >= 2);
      return before;
    });
    daemon.dropConnections();
    await until(() => events.length >= 2);
    await until(() => inspector.health().ok);
    emit(stop, guest(2));
    await until(() => events.length === 3);
    expect(told()).toEqual([`stopped ${uuidOf(1)}`, `started ${uuidOf(2)}`, `stopped ${uuidOf(2)}`]);
  });
});
