import { createMemoryBus } from '@nephoscope/runtime/memory-bus';
import { systemClock } from '@nephoscope/runtime';
import { RecordingLogger } from '@nephoscope/testing';
import { Registry } from 'prom-client';

import { readerAt, sqliteDatabases, storeAt } from '../../../tools/api-cases/databases.js';
import { Collector } from '@nephoscope/collector';
import { collectorOptions } from '@nephoscope/collector/testing';
import { loopbackCaller } from '../src/access/caller.js';
import { apiOptions } from '../src/options.js';
import { createServer, listen } from '../src/server.js';
import { publisherOn, secret } from './publisher.js';

const { signal } = new AbortController();

it('records what is posted through the bus and a collector, once, however often it is posted', async () => {
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
    ...{ reader, logger, publisher: publisherOn(bus), authenticate: () => loopbackCaller },
  });
  const address = await listen(server, { address: '127.0.0.1', port: 0 });
  const body = JSON.stringify(
    [1, 2, 2].map((volume) => ({
      ...{ counter_name: 'fruit', counter_type: 'delta', counter_unit: 'piece', counter_volume: volume },
      ...{ resource_id: 'basket', project_id: 'p1', timestamp: '2026-10-01T12:00:00Z' },
    })),
  );
  const post = async () => {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`${address}/v2/meters/fruit?direct=True`, { method: 'POST', headers, body });
    return [response.status, await response.text()] as const;
  };
  const [status, text] = await post();
  expect([status, text]).toEqual(await post());
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
  await server.close();
  await collector.stop();
  await Promise.all([reader.stop(), store.stop(), bus.stop()]);
  await databases.remove();
});
