import { createHash } from 'node:crypto';
import { deflateSync } from 'node:zlib';

import type { DeadLetter, MessageBus } from '@nephoscope/core/message-bus';
import {
  encodeMeteringBatch,
  meteringContentType,
  meteringRoutingKey,
  meteringTopology,
} from '@nephoscope/message';
import { systemClock } from '@nephoscope/runtime';
import { RecordingLogger } from '@nephoscope/testing';
import { Registry } from 'prom-client';

import { onBroker } from '../../bus-amqp/test/support.js';
import { Collector } from '../src/collector.js';
import { collectorOptions } from '../src/options.js';
import { TestBroker, connectedBus } from './broker.js';
import { FakeStore, line, secret, until } from './support.js';

const broker = new TestBroker();
const lettersIn = async () => {
  const rows = await broker.rabbitmq.ctl('list_queues', '--no-table-headers', 'name', 'messages_ready');
  return Number(/^metering\.dead\s+(\d+)/m.exec(rows)?.[1]);
};

let bus: MessageBus;
let collector: Collector;
let store: FakeStore;
let logger: RecordingLogger;

beforeEach(async () => {
  bus = await connectedBus(broker.url);
  store = new FakeStore();
  logger = new RecordingLogger();
  collector = newCollector();
  await collector.start();
});
afterEach(async () => {
  await broker.rabbitmq.ctl('clear_policy', 'bound').catch(() => undefined);
  await collector.stop();
  await bus.stop();
});

const newCollector = () =>
  new Collector({
    options: collectorOptions.parse({}),
    secrets: [secret],
    bus,
    store,
    logger,
    clock: systemClock,
    registry: new Registry(),
  });
const send = (lines: readonly string[]) =>
  bus.publish({
    exchange: meteringTopology.exchange,
    routingKey: meteringRoutingKey('cpu'),
    contentType: meteringContentType,
    body: encodeMeteringBatch(lines),
  });
const recorded = () => store.batches.flat().length;

it('retries refused dead letters while good samples are recorded, and needs no restart when the queue accepts them', async () => {
  const bound = '{"max-length":5,"overflow":"reject-publish"}';
  await broker.rabbitmq.ctl('set_policy', 'bound', '^metering\\.dead$', bound, '--apply-to', 'queues');
  // A queue accepts a few more messages than its policy says.
  await until('the dead letters to be refused', async () => {
    await send(['{"bad":0}']);
    return !collector.health().ok;
  });
  await Promise.all(Array.from({ length: 300 }, (_, n) => send([`{"bad":${n + 1}}`])));
  const warnings = () => logger.entries.filter(({ level }) => level === 'warn').length;
  const before = warnings();
  await Promise.all(Array.from({ length: 200 }, () => send([line()])));
  await until('the good ones', () => recorded() === 200);
  expect(collector.health()).toMatchObject({
    ok: false,
    reason: expect.stringMatching(
      /^dead letters of 'metering' have been refused since .*Z, \d+ messages are waiting: RabbitMQ /,
    ),
  });
  expect(bus.health()).toMatchObject({
    ok: false,
    reason: expect.stringMatching(/^RabbitMQ refuses messages for queue 'metering\.dead' since /),
  });
  expect(warnings() - before).toBeLessThan(5);

  await broker.rabbitmq.ctl('purge_queue', 'metering.dead');
  await broker.rabbitmq.ctl('clear_policy', 'bound');
  await until('the bad ones', async () => collector.health().ok && (await lettersIn()) >= 295, 60_000);
  expect(bus.health()).toEqual({ ok: true });
}, 120_000);

it('dead letters wait while the broker is short of memory, good samples are recorded, and none is lost', async () => {
  await bus.sweepDeadLetters('metering', () => 'drop', AbortSignal.timeout(20_000));
  // The broker's figures are some seconds old.
  await until('those before are gone', async () => (await lettersIn()) === 0);
  // While nobody consumes them: an alarm blocks connections that publish.
  await collector.stop();
  await Promise.all(Array.from({ length: 50 }, (_, n) => send([`{"bad":${n}}`])));
  await Promise.all(Array.from({ length: 100 }, () => send([line()])));
  await bus.stop();
  // It gives up sooner on what the broker does not confirm.
  bus = await connectedBus(broker.url, { heartbeat: '1s' });
  await broker.rabbitmq.ctl('set_vm_memory_high_watermark', '0');
  try {
    collector = newCollector();
    await collector.start();
    await until('the good ones', () => recorded() === 100);
    await until('it tells', () => !collector.health().ok);
    expect(collector.health()).toMatchObject({
      reason: expect.stringMatching(
        /^dead letters of 'metering' have been refused since .*Z, \d+ messages are waiting: /,
      ),
    });
    expect(await lettersIn()).toBe(0);
  } finally {
    await broker.rabbitmq.ctl('set_vm_memory_high_watermark', '0.4');
  }
  await until('the bad ones', async () => collector.health().ok && (await lettersIn()) >= 50, 60_000);
  const bodies = new Set<string>();
  const look = ({ body }: DeadLetter) => (bodies.add(Buffer.from(body).toString()), 'keep' as const);
  await bus.sweepDeadLetters('metering', look, AbortSignal.timeout(20_000));
  // A dead letter whose confirmation was given up may have arrived all the same, and is then there twice.
  expect(bodies.size).toBe(50);
  expect(recorded()).toBe(100);
}, 120_000);

it('dead letters of one message are together hardly larger than the message', async () => {
  const sweep = (decide: (deadLetter: DeadLetter) => 'keep' | 'drop') =>
    bus.sweepDeadLetters('metering', decide, AbortSignal.timeout(20_000));
  await sweep(() => 'drop');
  const body = Buffer.from('{}\n'.repeat(1_000));
  await onBroker(broker.url, async (channel) =>
    channel.publish(meteringTopology.exchange, 'metering.cpu', body, {
      contentType: meteringContentType,
      headers: { filler: 'x'.repeat(30_000) },
    }),
  );
  const deadLetters: DeadLetter[] = [];
  await until('the dead letter', async () => {
    deadLetters.length = 0;
    return (await sweep((deadLetter) => (deadLetters.push(deadLetter), 'keep'))).keep > 0;
  });
  expect(deadLetters.map(({ body: bytes }) => Buffer.from(bytes).toString())).toEqual([body.toString()]);
  expect(deadLetters[0]?.reason).toMatch(/^unreadable: .* \(the first of 1000\)$/);
});

it("reads what a service's library compressed, and keeps a description of what is damaged", async () => {
  const sweep = (decide: (deadLetter: DeadLetter) => 'keep' | 'drop') =>
    bus.sweepDeadLetters('metering', decide, AbortSignal.timeout(20_000));
  await sweep(() => 'drop');
  const body = deflateSync(encodeMeteringBatch([line(), line()]));
  const damaged = body.subarray(0, body.length - 20);
  await onBroker(broker.url, async (channel) => {
    // By the name that kombu uses for zlib's format.
    const options = { contentType: meteringContentType, headers: { compression: 'application/x-gzip' } };
    channel.publish(meteringTopology.exchange, 'metering.cpu', body, options);
    channel.publish(meteringTopology.exchange, 'metering.cpu', damaged, options);
    return Promise.resolve();
  });
  await until('its samples', () => recorded() === 2);
  const deadLetters: DeadLetter[] = [];
  await until('the dead letter', async () => {
    deadLetters.length = 0;
    return (await sweep((deadLetter) => (deadLetters.push(deadLetter), 'keep'))).keep > 0;
  });
  const reason = expect.stringMatching(
    /^unreadable: the body is compressed by 'application\/x-gzip', and damaged: ./,
  ) as unknown;
  expect(deadLetters).toMatchObject([{ reason }]);
  expect(JSON.parse(Buffer.from(deadLetters[0]!.body).toString())).toEqual({
    ...{ size: damaged.length, sha256: createHash('sha256').update(damaged).digest('hex') },
    ...{ compression: 'application/x-gzip', routing_key: 'metering.cpu', reason },
  });
});
