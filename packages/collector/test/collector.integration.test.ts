import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

import { encodeMeteringBatch, meteringContentType, meteringRoutingKey, meteringTopology } from '@nephoscope/core';
import type { MessageBus } from '@nephoscope/core';
import amqp from '@nephoscope/bus-amqp';
import { systemClock } from '@nephoscope/runtime';
import { RecordingLogger } from '@nephoscope/testing';

import { waitUntil } from '../../../tools/testbed/processes.js';
import { startRabbitmq } from '../../../tools/testbed/rabbitmq.js';
import type { PrivateRabbitmq } from '../../../tools/testbed/rabbitmq.js';
import {
  countIn,
  endDaemons,
  messages,
  newFolder,
  samplesIn,
  startDaemon,
} from '../../agent-compute/test/daemon.js';
import { line, secret } from './support.js';

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

// Each test has the queues for itself, empty.
beforeEach(async () => {
  bus = amqp.create({
    options: amqp.options.parse({ url: rabbitmq.url }),
    logger: new RecordingLogger(),
    clock: systemClock,
    host: 'test',
  });
  await bus.start(AbortSignal.timeout(20_000));
  await bus.declare(meteringTopology);
});

afterEach(async () => {
  await bus.stop();
  for (const queue of [meteringTopology.queue, meteringTopology.deadLetterQueue])
    await rabbitmq.ctl('delete_queue', queue).catch(() => undefined);
});

let published = 0;

/** Publishes a message of several samples; resolves with their ids when the broker has it. */
async function publish(samples: number): Promise<string[]> {
  const ids = Array.from({ length: samples }, () => `sample-${++published}`);
  const body = encodeMeteringBatch(ids.map((id) => line({ id })));
  await bus.publish({
    exchange: meteringTopology.exchange,
    routingKey: meteringRoutingKey('cpu'),
    contentType: meteringContentType,
    body,
  });
  return ids;
}

async function recordedIds(database: string): Promise<string[]> {
  return (await samplesIn(database)).map(({ messageId }) => messageId).sort();
}

const configuration = (database: string) => ({
  secrets,
  bus: { url: rabbitmq.url },
  storage: { url: `sqlite:${database}` },
});

it('has every sample once, however often it is killed under load', async () => {
  const database = join(newFolder(), 'samples.db');
  const ledger: string[] = [];
  const load = async () => {
    for (const ids of await Promise.all(Array.from({ length: 120 }, () => publish(25)))) ledger.push(...ids);
  };
  let interrupted = 0;
  for (let round = 0; round < 6; round++) {
    const before = await countIn(database);
    const collector = startDaemon('collector', configuration(database));
    const loading = load();
    await waitUntil('it records', async () => (await countIn(database)) > before);
    // At some moment of a batch, which takes some milliseconds.
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 60));
    collector.kill('SIGKILL');
    expect(await collector.ended).toBe('SIGKILL');
    await loading;
    if ((await countIn(database)) < ledger.length) interrupted += 1;
  }
  expect(interrupted).toBeGreaterThan(0);

  const collector = startDaemon('collector', configuration(database));
  // All may have been recorded before, and a process that has only begun to start ends by the signal itself.
  await waitUntil('it runs', () => messages(collector).some((message) => message.includes('is running')), 60_000);
  await waitUntil('all is recorded', async () => (await countIn(database)) >= ledger.length, 60_000);
  expect(await collector.stop()).toMatchObject({ code: 0 });
  expect(await recordedIds(database)).toEqual(ledger.sort());
}, 180_000);

it('stops under load within 10 s with nothing half done', async () => {
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

it('waits while the disk of its store is full, says so, and loses nothing', async () => {
  const place = join(newFolder(), 'disk');
  mkdirSync(place);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', place]);
  try {
    const database = join(place, 'samples.db');
    const collector = startDaemon('collector', configuration(database));
    await waitUntil('it is ready', async () => (await collector.status('/readyz')).status === 200);
    execFileSync('sh', ['-c', 'cat /dev/zero > "$0/filler" 2>/dev/null || true', place]);
    const ledger = (await Promise.all(Array.from({ length: 20 }, () => publish(100)))).flat();
    await waitUntil('it says so', async () => {
      const { status, text } = await collector.status('/readyz');
      return status === 503 && text.includes('is full');
    });
    execFileSync('rm', [join(place, 'filler')]);
    await waitUntil('all is recorded', async () => (await countIn(database)) >= ledger.length, 60_000);
    await waitUntil('it is ready', async () => (await collector.status('/readyz')).status === 200);
    expect(await recordedIds(database)).toEqual(ledger.sort());
    expect(await collector.stop()).toMatchObject({ code: 0 });
  } finally {
    execFileSync('umount', ['--lazy', place]);
  }
}, 120_000);

it('shares a queue with other collectors and their database', async () => {
  const database = join(newFolder(), 'samples.db');
  const collectors = [
    startDaemon('collector', configuration(database)),
    startDaemon('collector', configuration(database)),
  ];
  for (const one of collectors)
    await waitUntil('it is ready', async () => (await one.status('/readyz')).status === 200);
  const ledger = (await Promise.all(Array.from({ length: 200 }, () => publish(25)))).flat();
  await waitUntil('all is recorded', async () => (await countIn(database)) >= ledger.length, 60_000);
  for (const one of collectors) expect(await one.stop()).toMatchObject({ code: 0 });
  expect(await recordedIds(database)).toEqual(ledger.sort());
}, 90_000);

it('serves its health and metrics', async () => {
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

it('waits for a broker that is not there, says so, and can be stopped meanwhile', async () => {
  const database = join(newFolder(), 'samples.db');
  const port = await freePort();
  const collector = startDaemon(
    'collector',
    { ...configuration(database), bus: { url: 'amqp://guest:guest@127.0.0.1:1' } },
    [],
    port,
  );
  const ready = await collector.status('/readyz');
  expect(ready.status).toBe(503);
  await waitUntil('it says why', async () => (await collector.status('/readyz')).text.includes('127.0.0.1:1'));
  expect(await collector.stop()).toMatchObject({ code: 0 });
}, 60_000);

it.each([
  ['an unknown key', { collector: { prefetsch: 3 } }, /collector\.prefetsch: there is no such key/],
  ['a file that is no database', { storage: { url: 'sqlite:/etc/hostname' } }, /\/etc\/hostname/],
  ['a folder that cannot be', { storage: { url: 'sqlite:/etc/hostname/samples.db' } }, /\/etc\/hostname/],
])('ends with code 1 and says what to do about %s', async (_, wrong, text) => {
  const collector = startDaemon('collector', { ...configuration(join(newFolder(), 'samples.db')), ...wrong });
  expect(await collector.ended).toBe(1);
  expect(messages(collector, 'error').join('\n')).toMatch(text);
});

it('ends with code 1 for a wrong password', async () => {
  const collector = startDaemon('collector', {
    ...configuration(join(newFolder(), 'samples.db')),
    bus: { url: rabbitmq.url.replace('guest:guest', 'guest:wrong') },
  });
  expect(await collector.ended).toBe(1);
  expect(messages(collector, 'error').join('\n')).toMatch(/wrong user or password/);
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
