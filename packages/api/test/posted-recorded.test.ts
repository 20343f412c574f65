import { parseTimestamp } from '@nephoscope/core';
import { createMemoryBus } from '@nephoscope/runtime/memory-bus';
import { systemClock } from '@nephoscope/runtime';
import { RecordingLogger, exampleSample } from '@nephoscope/testing';
import { Registry } from 'prom-client';

import { readerAt, sqliteDatabases, storeAt } from '../../../tools/api-cases/databases.js';
import { Collector } from '@nephoscope/collector';
import { collectorOptions } from '@nephoscope/collector/testing';
import { loopbackCaller } from '../src/access/caller.js';
import type { Caller } from '../src/access/caller.js';
import { callerOf } from '../src/access/roles.js';
import { apiOptions } from '../src/options.js';
import { createServer, listen } from '../src/server.js';
import { publisherOn, secret } from './publisher.js';

const { signal } = new AbortController();

/** An API with a bus, a collector and an SQLite file, for this caller. */
async function served(caller: Caller) {
  const databases = await sqliteDatabases();
  const url = await databases.make([]);
  const [logger, store, reader] = [new RecordingLogger(), storeAt(url), readerAt(url)];
  const bus = createMemoryBus({ logger });
  await Promise.all([bus.start(signal), store.start(signal)]);
  const collector = new Collector({
    options: collectorOptions.parse({}),
    ...{ secrets: [secret], bus, store, logger, clock: systemClock, registry: new Registry() },
  });
  await collector.start();
  const server = createServer({
    options: apiOptions.parse({}),
    ...{ reader, logger, publisher: publisherOn(bus), authenticate: () => caller },
  });
  const address = await listen(server, { address: '127.0.0.1', port: 0 });
  return {
    address,
    store,
    /** Resolves when the samples can be read. */
    post: async (meter: string, samples: readonly object[]) => {
      const response = await fetch(`${address}/v2/meters/${meter}?direct=True`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(samples),
      });
      return [response.status, await response.text()] as const;
    },
    close: async () => {
      await server.close();
      await collector.stop();
      await Promise.all([reader.stop(), store.stop(), bus.stop()]);
      await databases.remove();
    },
  };
}

it('records what is posted through the bus and a collector, once, however often it is posted', async () => {
  const { address, post, close } = await served(loopbackCaller);
  const samples = [1, 2, 2].map((volume) => ({
    ...{ counter_name: 'fruit', counter_type: 'delta', counter_unit: 'piece', counter_volume: volume },
    ...{ resource_id: 'basket', project_id: 'p1', timestamp: '2026-10-01T12:00:00Z' },
  }));
  const [status, text] = await post('fruit', samples);
  expect([status, text]).toEqual(await post('fruit', samples));
  expect(status).toBe(201);
  const found = (await (await fetch(`${address}/v2/meters/fruit`)).json()) as Record<string, unknown>[];
  const posted = JSON.parse(text) as typeof found;
  const idsOf = (some: typeof found) => some.map(({ message_id: id }) => id).sort();
  expect(idsOf(found)).toEqual(idsOf(posted));
  expect(found.map((one) => [one['source'], one['counter_volume']]).sort()).toEqual([
    ['p1:openstack', 1],
    ['p1:openstack', 2],
    ['p1:openstack', 2],
  ]);
  await close();
});

it.each([
  ['', false],
  [', also of rollups', true],
])(
  'samples that a member posts change no figure of the source of the cloud%s',
  async (_, isRolled) => {
    const member = { kind: 'keystone', name: 'm', userId: 'u', roles: ['member'], on: { project: 'p1' } } as const;
    const { address, store, post, close } = await served(callerOf(member));
    const own = [
      { meter: 'api.calls', type: 'delta', unit: 'call', volumes: ['31000', '134.1'] },
      { meter: 'memory', type: 'gauge', unit: 'MB', volumes: ['2048', '2048'] },
      { meter: 'cpu', type: 'cumulative', unit: 'ns', volumes: ['1000', '5000'] },
    ];
    await store.record(
      own.flatMap(({ volumes, ...fields }) =>
        volumes.map((volume, at) =>
          exampleSample({
            ...{ ...fields, volume, projectId: 'p1', resourceId: 'web', epoch: null },
            timestamp: parseTimestamp(`2026-10-01T1${2 * at}:00:00`),
          }),
        ),
      ),
    );
    type Answer = Record<
      'figures' | 'totals',
      { group: Record<string, string>; value: string; function: string }[]
    >;
    const ask = async (path: string) => (await (await fetch(`${address}/v3/${path}`)).json()) as Answer;
    const paths = [
      'usage?',
      'statistics?',
      'usage?period=hour&digits=1&',
      'explain?meter=api.calls&meter=memory&',
    ];
    const range = 'start=2026-10-01T09:00:00Z&end=2026-10-01T14:00:00Z';
    const all = async () => Promise.all(paths.map((path) => ask(path + range)));
    const before = await all();
    for (const { meter, type, unit } of own) {
      const posted = ['10:30:00', '11:30:00', '13:00:00'].map((time) => ({
        ...{ counter_name: meter, counter_type: type, counter_unit: unit, resource_id: 'web' },
        // A source that the caller names is not taken for the cloud's either.
        ...{ counter_volume: meter === 'memory' ? -1500 : -31000, source: 'openstack' },
        timestamp: `2026-10-01T${time}Z`,
      }));
      expect(await post(meter, posted)).toMatchObject([201, expect.any(String)]);
    }
    expect(store.rollups).toBeDefined();
    for (let isMore = isRolled; isMore;)
      isMore = (await store.rollups?.turn(parseTimestamp('2026-10-03T00:00:00'), signal))?.isMore === true;
    const after = await all();
    for (const [at, { figures, totals }] of after.entries()) {
      const of = (source: string, some: Answer['figures'] | undefined) =>
        some?.filter(({ group }) => group['source'] === source);
      expect(of('openstack', figures)).toEqual(before[at]?.figures);
      expect(of('openstack', totals)).toEqual(before[at]?.totals);
      expect(of('p1:openstack', figures)).toHaveLength(before[at]?.figures.length ?? 0);
    }
    const calls = after[0]?.totals.filter(({ group }) => group['meter'] === 'api.calls');
    expect(calls?.map(({ group, value }) => [group['source'], value])).toEqual([
      ['openstack', '31134.1'],
      ['p1:openstack', '-93000'],
    ]);
    await close();
  },
  30_000,
);
