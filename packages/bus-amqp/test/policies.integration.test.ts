import type { DeadLetter, MessageBus, QueueTopology } from '@nephoscope/core';

import { startRabbitmq } from '../../../tools/testbed/rabbitmq.js';
import type { PrivateRabbitmq } from '../../../tools/testbed/rabbitmq.js';
import { createBus, newTopology, onBroker, sample, until } from './support.js';
import type { LogEntry } from './support.js';

let broker: PrivateRabbitmq;
let bus: MessageBus;
const log: LogEntry[] = [];

beforeAll(async () => {
  broker = await startRabbitmq();
  bus = createBus({ url: broker.url }, log);
  await bus.start(AbortSignal.timeout(20_000));
}, 120_000);
afterAll(async () => {
  await bus.stop();
  await broker.stop();
}, 60_000);

/** As docs/architecture.md has them. */
const ours = [
  'nephoscope',
  '^(metering|nephoscope\\.)',
  '{"delivery-limit":2147483647}',
  '--priority',
  '100',
  '--apply-to',
  'queues',
];

it('a policy that lets messages expire makes dead letters of them, and one of our own wins over it', async () => {
  const others = ['others', '.*', '{"message-ttl":200}', '--apply-to', 'queues'];
  const topology: QueueTopology = { ...newTopology(), queue: 'metering', deadLetterQueue: 'metering.dead' };
  await bus.declare(topology);
  await broker.ctl('set_policy', ...others.with(1, '^metering$'));
  await bus.publish(sample(topology, 'late'));
  const letters: DeadLetter[] = [];
  await until('the letter', async () => {
    letters.length = 0;
    const { keep } = await bus.sweepDeadLetters(
      'metering',
      (letter) => (letters.push(letter), 'keep'),
      AbortSignal.timeout(20_000),
    );
    return keep > 0;
  });
  expect(letters.map(({ body, reason }) => [Buffer.from(body).toString(), reason?.slice(0, 8)])).toEqual([
    ['late', 'expired:'],
  ]);

  await broker.ctl('set_policy', ...others);
  await broker.ctl('set_policy', ...ours);
  const rows = await broker.ctl('list_queues', '--no-table-headers', 'name', 'policy');
  expect(rows.trim().split('\n').sort()).toEqual(['metering\tnephoscope', 'metering.dead\tnephoscope']);
}, 60_000);

it('says when an exchange of others may have been there without our queue', async () => {
  const gaps: bigint[] = [];
  const topology: QueueTopology = { ...newTopology(), exchangeOf: 'others', onGap: (from) => gaps.push(from) };
  const declare = () =>
    onBroker(broker.url, (channel) => channel.assertExchange(topology.exchange, 'topic', { durable: false }));
  await declare();
  await bus.declare(topology);
  await bus.publish(sample(topology));
  expect(gaps).toEqual([]);
  const before = BigInt(Date.now()) * 1_000_000n;
  await broker.stopApp();
  await broker.startApp();
  await declare();
  await until('it to be bound again', () => gaps.length === 1);
  expect(gaps[0]).toBeGreaterThan(before);
  expect(
    log.filter(({ message }) => message.startsWith(`what exchange '${topology.exchange}' was told between `)),
  ).toHaveLength(1);
  // It is bound before the connection counts as up.
  await until('health', () => bus.health().ok);
  await bus.publish(sample(topology));
}, 60_000);
