import type { InstanceReading } from '@nephoscope/core/instance';
import type { DomainStatsRecord } from '@nephoscope/libvirt';
import type { Handler } from '@nephoscope/libvirt/testing';

import {
  withoutProcess,
  guest,
  busyPart,
  daemon,
  started,
  callsOf,
  names,
  signal,
  hang,
  never,
  useFakeDaemon,
  uuidOf,
} from './fake-host.js';
import { allParts, named, until } from './support.js';

useFakeDaemon();

describe('a guest that hangs', () => {
  it("lacks only its process's figures until it continues", async () => {
    const { read } = await started([guest(1), guest(2), guest(3)]);
    const { goOn, waiting } = hang('guest-2');
    for (let cycle = 0; cycle < 3; cycle++) {
      daemon.calls.length = 0;
      const readings = await read();
      // One call is blocked in it, whatever the number of cycles, and it is not queried individually in each of them.
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

  it("keeps the bulk call's result if the call for it alone is not answered, after another client's lock", async () => {
    const { read } = await started([guest(1), guest(2), guest(3)]);
    await read();
    // The bulk call skips it, and the call for it alone is not answered.
    const answer: Handler<'connectGetAllDomainStats'> = daemon.handle(
      'connectGetAllDomainStats',
      async (query) => {
        if (query.domains?.[0]?.uuid === uuidOf(2)) return never;
        const records = await answer(query);
        return records.map((record) => (record.domain.name === 'guest-2' ? withoutProcess(record) : record));
      },
    );
    expect(named(await read(), 'guest-2').parts).toMatchObject({
      cpu: { timeNs: 100n },
      vnics: [{ traffic: { rxBytes: 9n } }],
      memory: busyPart,
      disks: [{ disk: { device: 'vda' }, io: busyPart, size: busyPart }],
    });
  });

  it('that takes as long as the whole host is read as on a slow host', async () => {
    const { read } = await started([guest(1), guest(2)], { deadline: 0.1 });
    await read();
    let holds = true;
    const slowly = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
    const answer: Handler<'connectGetAllDomainStats'> = daemon.handle(
      'connectGetAllDomainStats',
      async (query) => {
        await slowly(query.domains === undefined ? 100 : 300);
        const records = await answer(query);
        if (query.domains !== undefined) return records;
        const passed = holds;
        holds = false;
        return records.map((record) =>
          passed && record.domain.name === 'guest-2' ? withoutProcess(record) : record,
        );
      },
    );
    expect(named(await read(), 'guest-2').parts).toMatchObject({
      memory: { residentKib: 2048n },
      disks: [{ io: { readBytes: 7n } }],
    });
  });

  it('and four others leave free slots on each connection, before the first reading', async () => {
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
    // One call was given up, and one is for single instances.
    expect(clients.size).toBe(3);
    expect(logged.filter((line) => line.includes('calls are not answered'))).toHaveLength(1);
    hung.goOn();
  });

  it.each([
    ['at the start', false, 9],
    ['after all had responded', true, 10],
  ])('and nineteen others leave free workers in the daemon, %s', async (_, before, most) => {
    const guests = Array.from({ length: 30 }, (__, index) => guest(index + 1));
    const { read, logged, inspector } = await started(guests, { deadline: 0.02 });
    if (before) await read();
    // The first one that is queried responds, as does every third one.
    const hung = hang(...guests.map(({ name }) => name).filter((__, index) => index % 3 !== 0));
    for (let cycle = 0; cycle < 4; cycle++) {
      const readings = await read();
      expect(hung.waiting()).toBeLessThanOrEqual(most);
      expect(readings).toHaveLength(30);
      // What the host knows about one that was detected just now is in the next reading.
      if (cycle > 0) for (const { parts } of readings) expect(parts.cpu).toMatchObject({ timeNs: 100n });
      expect(named(readings, 'guest-1').parts.memory).toMatchObject({ residentKib: 2048n });
    }
    // One that is queried individually does not use a worker either.
    await Promise.all(guests.map(({ uuid }) => inspector.inspectInstance(uuid, allParts, signal)));
    expect(hung.waiting()).toBeLessThanOrEqual(most);
    expect(logged.filter((line) => line.includes('max_workers'))).toHaveLength(1);
    hung.goOn();
    const isWell = ({ parts }: InstanceReading): boolean =>
      parts.memory !== undefined && !('missing' in parts.memory);
    await until(async () => (await read()).every(isWell));
  });

  it('is distinguished from a busy host, where everything is read, however long it takes', async () => {
    const { read } = await started(
      Array.from({ length: 17 }, (_, index) => guest(index + 1)),
      { deadline: 0.05 },
    );
    // The daemon handles one call after another: a call locks its domain, and NOWAIT skips a locked one.
    const held = new Set<string>();
    const bulk: Handler<'connectGetAllDomainStats'> = daemon.handle('connectGetAllDomainStats', async (query) => {
      const records: DomainStatsRecord[] = [];
      for (const record of await bulk(query)) {
        const { uuid } = record.domain;
        if (held.has(uuid)) {
          records.push(withoutProcess(record));
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
    // The time limit was adapted to this host, and no guest is queried twice.
    daemon.calls.length = 0;
    await read();
    expect(callsOf('connectGetAllDomainStats')).toBe(2);
  });

  it('is distinguished from one that another client reads at the same time, which is waited for', async () => {
    const { read } = await started([guest(1), guest(2)], { deadline: 5 });
    // The other client locks guest 1 for as long as a reading takes here.
    let heldUntil = 0;
    const answer: Handler<'connectGetAllDomainStats'> = daemon.handle(
      'connectGetAllDomainStats',
      async (query) => {
        if (query.domains === undefined && query.flags?.active) {
          heldUntil = performance.now() + 900;
          await new Promise((resolve) => setTimeout(resolve, 500));
        }
        const records = await answer(query);
        if (performance.now() >= heldUntil) return records;
        return records.map((record) => (record.domain.uuid === uuidOf(1) ? withoutProcess(record) : record));
      },
    );
    for (const { parts } of await read()) expect(parts.memory).toMatchObject({ residentKib: 2048n });
  });

  it('is distinguished from a host where each takes longer than the deadline, from the first reading on', async () => {
    const { read } = await started([guest(1), guest(2), guest(3), guest(4)], { deadline: 0.05 });
    const answer: Handler<'connectGetAllDomainStats'> = daemon.handle(
      'connectGetAllDomainStats',
      async (query) => {
        const all = query.domains === undefined && query.flags?.active === true;
        await new Promise((resolve) => setTimeout(resolve, all ? 2_000 : 200));
        return answer(query);
      },
    );
    const readings = await read();
    expect(readings).toHaveLength(4);
    for (const { parts } of readings)
      expect(parts).toMatchObject({ cpu: { timeNs: 100n }, memory: { residentKib: 2048n } });
  });

  it('is distinguished from those that a reading had no time for, which are nevertheless included', async () => {
    const guests = Array.from({ length: 10 }, (_, index) => guest(index + 1));
    const { inspector } = await started(guests, { deadline: 0.2 });
    const answer: Handler<'connectGetAllDomainStats'> = daemon.handle(
      'connectGetAllDomainStats',
      async (query) => {
        if (query.domains === undefined) return never;
        await new Promise((resolve) => setTimeout(resolve, 100));
        return answer(query);
      },
    );
    const readings = await inspector.inspect(allParts, signal, 400);
    expect(names(readings).sort()).toEqual(guests.map(({ name }) => name).sort());
    expect(named(readings, 'guest-10').parts.cpu).toEqual({
      missing: 'busy',
      detail: expect.stringMatching(/no time left/) as unknown,
    });
  });

  it('is distinguished from a host that is slow only at first', async () => {
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
