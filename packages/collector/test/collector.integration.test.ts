import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import type { MessageBus } from '@nephoscope/core/message-bus';
import { meteringTopology } from '@nephoscope/message';

import { waitUntil } from '../../../tools/testbed/processes.js';
import { startRabbitmq } from '../../../tools/testbed/rabbitmq.js';
import type { PrivateRabbitmq } from '../../../tools/testbed/rabbitmq.js';
import { countIn, endDaemons, newFolder, messages, startDaemon } from '../../agent-compute/test/daemon.js';
import { connectedBus, publishSamples, recordedIds } from './broker.js';
import { metricOf } from './daemon-metrics.js';
import { withSmallDisk } from './small-disk.js';
import { secret } from './support.js';

const secrets = [secret.reveal()];
let rabbitmq: PrivateRabbitmq;
let bus: MessageBus;

beforeAll(async () => {
  rabbitmq = await startRabbitmq();
}, 120_000);

afterAll(async () => {
  await endDaemons();
  await rabbitmq?.stop();
}, 60_000);

// Each test starts with empty queues of its own.
beforeEach(async () => {
  bus = await connectedBus(rabbitmq.url);
});

afterEach(async () => {
  await bus.stop();
  for (const queue of [meteringTopology.queue, meteringTopology.deadLetterQueue])
    await rabbitmq.ctl('delete_queue', queue).catch(() => undefined);
});

const publish = (samples: number) => publishSamples(bus, samples);

/** Keeps more messages waiting than can be recorded before the test sees the first of them. */
async function publishUntil(signal: AbortSignal, ledger: string[], database: string): Promise<void> {
  while (!signal.aborted)
    if (ledger.length - (await countIn(database)) > 15_000) await sleep(20);
    else for (const ids of await Promise.all(Array.from({ length: 120 }, () => publish(25)))) ledger.push(...ids);
}

const configuration = (database: string) => ({
  secrets,
  bus: { url: rabbitmq.url },
  storage: { url: `sqlite:${database}` },
});

it('records every sample once, however often it is killed under load', async () => {
  const database = join(newFolder(), 'samples.db');
  const ledger: string[] = [];
  let interrupted = 0;
  for (let round = 0; round < 6; round++) {
    const before = await countIn(database);
    const collector = startDaemon('collector', configuration(database));
    const loading = new AbortController();
    const load = publishUntil(loading.signal, ledger, database);
    await waitUntil('it records', async () => (await countIn(database)) > before);
    // At some moment of a batch, which takes a few milliseconds.
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 60));
    const published = ledger.length;
    collector.kill('SIGKILL');
    expect(await collector.ended).toBe('SIGKILL');
    loading.abort();
    await load;
    if ((await countIn(database)) < published) interrupted += 1;
  }
  expect(interrupted).toBeGreaterThan(0);

  const collector = startDaemon('collector', configuration(database));
  // All samples may have been recorded already, and a process that is still starting is ended by the signal itself.
  await waitUntil('it runs', () => messages(collector).some((message) => message.includes('is running')), 60_000);
  await waitUntil('all is recorded', async () => (await countIn(database)) >= ledger.length, 60_000);
  expect(await collector.stop()).toMatchObject({ code: 0 });
  expect(await recordedIds(database)).toEqual(ledger.sort());
}, 180_000);

it('stops under load within 10 s, and leaves nothing half done', async () => {
  const database = join(newFolder(), 'samples.db');
  const ledger = (await Promise.all(Array.from({ length: 400 }, () => publish(25)))).flat();
  const collector = startDaemon('collector', configuration(database));
  await waitUntil('it records', async () => (await countIn(database)) > 0);
  const stopped = await collector.stop();
  expect(stopped.code).toBe(0);
  expect(stopped.seconds).toBeLessThan(10);
  const half = await recordedIds(database);
  expect(half.filter((id) => !ledger.includes(id))).toEqual([]);
  expect(half.length % 25).toBe(0);

  const next = startDaemon('collector', configuration(database));
  await waitUntil('all is recorded', async () => (await countIn(database)) >= ledger.length, 60_000);
  await next.stop();
  expect(await recordedIds(database)).toEqual(ledger.sort());
}, 90_000);

it("waits while its store's disk is full, reports it, and loses nothing", async () => {
  await withSmallDisk(async (disk) => {
    const database = join(disk.path, 'samples.db');
    const collector = startDaemon('collector', configuration(database));
    await waitUntil('it is ready', async () => (await collector.status('/readyz')).status === 200);
    disk.fill();
    const ledger = (await Promise.all(Array.from({ length: 20 }, () => publish(100)))).flat();
    await waitUntil('it says so', async () => {
      const { status, text } = await collector.status('/readyz');
      return status === 503 && text.includes('is full');
    });
    disk.empty();
    await waitUntil('all is recorded', async () => (await countIn(database)) >= ledger.length, 60_000);
    await waitUntil('it is ready', async () => (await collector.status('/readyz')).status === 200);
    expect(await recordedIds(database)).toEqual(ledger.sort());
    expect(await collector.stop()).toMatchObject({ code: 0 });
  });
}, 120_000);

it('shares a queue and a database with other collectors, and takes over the messages of one that is killed', async () => {
  const database = join(newFolder(), 'samples.db');
  const collectors = [
    startDaemon('collector', configuration(database)),
    startDaemon('collector', configuration(database)),
  ] as const;
  for (const one of collectors)
    await waitUntil('it is ready', async () => (await one.status('/readyz')).status === 200);
  const [killed, left] = collectors;
  const ledger = (await Promise.all(Array.from({ length: 800 }, () => publish(25)))).flat();
  await waitUntil('it has some under way', async () => (await metricOf(killed, 'messages_under_way')) > 0);
  killed.kill('SIGKILL');
  expect(await killed.ended).toBe('SIGKILL');
  await waitUntil('all is recorded', async () => (await countIn(database)) >= ledger.length, 60_000);
  await waitUntil('all is settled', async () => (await metricOf(left, 'messages_under_way')) === 0);
  expect(await left.stop()).toMatchObject({ code: 0 });
  expect(await recordedIds(database)).toEqual(ledger.sort());
}, 90_000);

it('serves health and metrics', async () => {
  const database = join(newFolder(), 'samples.db');
  const collector = startDaemon('collector', configuration(database));
  await waitUntil('it is ready', async () => (await collector.status('/readyz')).status === 200);
  await publish(3);
  await waitUntil('it counts', async () =>
    (await collector.status('/metrics')).text.includes('nephoscope_collector_samples_recorded_total 3'),
  );
  expect(await collector.status('/healthz')).toEqual({ status: 200, text: 'ok\n' });
  expect(JSON.parse((await collector.status('/readyz')).text)).toEqual({
    ready: true,
    checks: { bus: { ok: true }, store: { ok: true }, collector: { ok: true }, notifications: { ok: true } },
  });
  const { text } = await collector.status('/metrics');
  for (const expected of [
    'nephoscope_collector_messages_total 1',
    'nephoscope_collector_messages_under_way 0',
    'process_resident_memory_bytes',
  ])
    expect(text).toContain(expected);
  expect(await collector.stop()).toMatchObject({ code: 0 });
}, 60_000);
