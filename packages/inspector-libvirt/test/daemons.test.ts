import { isNephoscopeError } from '@nephoscope/core';
import { Fault } from '@nephoscope/libvirt/testing';
import type { FakeDomain, Handler } from '@nephoscope/libvirt/testing';

import {
  uuidOf,
  guest,
  never,
  daemon,
  inspectorFor,
  started,
  callsOf,
  names,
  signal,
  useFakeDaemon,
  hostStats,
  processStats,
} from './fake-host.js';
import { allParts, named, until } from './support.js';

useFakeDaemon();

describe('a daemon', () => {
  it('that does not respond is given up in time, and read again when it continues', async () => {
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

  it('that does not respond on one connection is read on another, within the same reading', async () => {
    const { read, logged } = await started([guest(1)]);
    await read();
    for (const client of daemon.clients) client.pause();
    expect(await read()).toHaveLength(1);
    expect(logged).toContainEqual(expect.stringContaining('max_client_requests'));
  });

  it('without support for NOWAIT is called without it', async () => {
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

  it('whose bulk call fails because of one guest returns the others', async () => {
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

  it('whose driver has no bulk call and no events is read with the calls that it has', async () => {
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
    // Changes without an event are read again.
    daemon.domains = [container(2, { id: 7, xml: '<domain><devices/></domain>' })];
    expect((await read())[0]?.parts).toMatchObject({ disks: [], vnics: [] });
  });

  it('that blocks itself on the image of a guest that is shut off returns all others', async () => {
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

  it('that dies during a call is queried again within the same reading', async () => {
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
    // A new connection, on which everything was read again with the same result.
    expect(after?.instance).toBe(before?.instance);
  });

  it('that dies twice during a reading is queried again by the next one', async () => {
    const { read } = await started([guest(1)]);
    const answer: Handler<'connectGetAllDomainStats'> = daemon.handle('connectGetAllDomainStats', () => {
      daemon.dropConnections();
      return never;
    });
    await expect(read()).rejects.toMatchObject({ code: 'INSPECTOR_UNAVAILABLE' });
    daemon.handle('connectGetAllDomainStats', answer);
    expect(await read()).toHaveLength(1);
  });

  it('that is unavailable is retried with growing pauses, and named', async () => {
    const { inspector, read, logged } = await started([guest(1)]);
    await daemon.stop();
    await until(() => logged.filter((line) => line.includes('next attempt')).length === 2);
    // Between half and all of 0.25 s, and then of twice that.
    const pauses = logged.slice(1, 3).map((line) => Number(/next attempt in (0\.\d+) s$/.exec(line)?.[1]));
    expect(pauses[0]).toBeGreaterThanOrEqual(0.125);
    expect(pauses[0]).toBeLessThanOrEqual(0.25);
    expect(pauses[1]).toBeGreaterThanOrEqual(0.25);
    expect(pauses[1]).toBeLessThanOrEqual(0.5);
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

  it('that is not reachable makes the start fail at once, naming its address and what to do', async () => {
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

  it('that refuses events makes the start fail, and is disconnected', async () => {
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
  it('is safe before the start, and twice at the same time', async () => {
    const { inspector } = inspectorFor();
    await Promise.all([inspector.stop(), inspector.stop()]);
    await inspector.stop();
    await expect(inspector.start(signal)).rejects.toMatchObject({ code: 'INSPECTOR_UNAVAILABLE' });
    expect(daemon.clients).toHaveLength(0);
  });

  it('after the start leaves no connection', async () => {
    const { inspector, read } = await started([guest(1)]);
    await Promise.all([inspector.stop(), inspector.stop()]);
    await until(() => daemon.clients.length === 0);
    await expect(read()).rejects.toMatchObject({ code: 'INSPECTOR_UNAVAILABLE' });
    expect(inspector.health()).toMatchObject({ ok: false });
  });

  it('during the start ends it, and leaves no connection', async () => {
    daemon.handle('connectGetUri', () => never);
    const { inspector } = inspectorFor();
    const starting = inspector.start(signal).catch((error: unknown) => error);
    await until(() => callsOf('connectGetUri') === 2);
    await inspector.stop();
    expect(isNephoscopeError(await starting, 'INSPECTOR_UNAVAILABLE')).toBe(true);
    await until(() => daemon.clients.length === 0);
  });

  it('ends a reconnection', async () => {
    const { inspector, logged } = await started([guest(1)]);
    await daemon.stop();
    await until(() => logged.some((line) => line.includes('next attempt')));
    await inspector.stop();
    const lines = logged.length;
    await daemon.start();
    expect(logged).toHaveLength(lines);
    expect(daemon.clients).toHaveLength(0);
  });

  it('ends a reading', async () => {
    const { inspector, read } = await started([guest(1)], { deadline: 60 });
    daemon.handle('connectGetAllDomainStats', () => never);
    const reading = read().catch((error: unknown) => error);
    await until(() => callsOf('connectGetAllDomainStats') > 0);
    await inspector.stop();
    expect(isNephoscopeError(await reading, 'INSPECTOR_UNAVAILABLE')).toBe(true);
  });
});
