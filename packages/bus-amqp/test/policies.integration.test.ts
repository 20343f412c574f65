import type { DeadLetter, MessageBus, QueueTopology } from '@nephoscope/core/message-bus';

import { startRabbitmq } from '../../../tools/testbed/rabbitmq.js';
import type { PrivateRabbitmq } from '../../../tools/testbed/rabbitmq.js';
import { createBus, newTopology, onBroker, sample, until } from './support.js';
import type { LogEntry } from './support.js';

let broker: PrivateRabbitmq;
let bus: MessageBus;
const log: LogEntry[] = [];

beforeAll(async () => {
  broker = await startRabbitmq(['rabbitmq_management']);
  bus = createBus({ url: broker.url }, log);
  await bus.start(AbortSignal.timeout(20_000));
}, 120_000);
afterAll(async () => {
  await bus.stop();
  await broker.stop();
}, 60_000);

/** The policy of docs/architecture.md. */
const ours = [
  'nephoscope',
  '^(metering|nephoscope\\.)',
  '{"delivery-limit":2147483647}',
  '--priority',
  '100',
  '--apply-to',
  'queues',
];

it('messages that a policy expires become dead letters, and the documented policy takes precedence', async () => {
  const others = ['others', '.*', '{"message-ttl":200}', '--apply-to', 'queues'];
  const topology: QueueTopology = { ...newTopology(), queue: 'metering', deadLetterQueue: 'metering.dead' };
  await bus.declare(topology);
  await broker.ctl('set_policy', ...others.with(1, '^metering$'));
  await bus.publish(sample(topology, 'late'));
  const deadLetters: DeadLetter[] = [];
  await until('the dead letter', async () => {
    deadLetters.length = 0;
    const { keep } = await bus.sweepDeadLetters(
      'metering',
      (deadLetter) => (deadLetters.push(deadLetter), 'keep'),
      AbortSignal.timeout(20_000),
    );
    return keep > 0;
  });
  expect(deadLetters.map(({ body, reason }) => [Buffer.from(body).toString(), reason?.slice(0, 8)])).toEqual([
    ['late', 'expired:'],
  ]);

  await broker.ctl('set_policy', ...others);
  await broker.ctl('set_policy', ...ours);
  const rows = await broker.ctl('list_queues', '--no-table-headers', 'name', 'policy');
  expect(rows.trim().split('\n').sort()).toEqual(['metering\tnephoscope', 'metering.dead\tnephoscope']);
}, 60_000);

it('logs at the start of a consumer what policies do, and when they are removed', async () => {
  await broker.ctl('set_policy', ...ours);
  await broker.ctl('clear_policy', 'nephoscope');
  const others = '{"message-ttl":600000,"expires":3600000,"max-length":5}';
  await broker.ctl('set_policy', 'others', '.*', others, '--apply-to', 'queues');
  const told: LogEntry[] = [];
  const topology = newTopology();
  const start = async (management: string, log: LogEntry[]) => {
    const one = createBus({ url: broker.url, management }, log);
    await one.declare(topology);
    await one.start(AbortSignal.timeout(20_000));
    await one.consume(topology.queue, { prefetch: 1 }, (delivery) => delivery.ack());
    return one;
  };
  const consuming = await start(broker.management, told);
  await until('both to be told', () => told.filter(({ level }) => level === 'warn').length === 2);
  expect(told.find(({ fields }) => fields['queue'] === topology.queue)?.message).toMatch(
    "policy 'others' of RabbitMQ: messages expire after 600000 ms (message-ttl); the queue is deleted with all that it holds " +
      'after 3600000 ms without a consumer (expires); beyond 5 the oldest are dropped (max-length). ',
  );
  await consuming.stop();

  await broker.ctl('clear_policy', 'others');
  // The management API is up to 5 s behind.
  const headers = { authorization: `Basic ${Buffer.from('guest:guest').toString('base64')}` };
  await until('the API to know', async () => {
    const response = await fetch(new URL('api/queues', broker.management), { headers });
    return !(await response.text()).includes('"expires"');
  });
  const quiet: LogEntry[] = [];
  const again = await start(broker.management, quiet);
  await until(
    'both to be told',
    () => quiet.filter(({ message }) => message.startsWith('no RabbitMQ policy')).length === 2,
  );
  await again.stop();

  const dead: LogEntry[] = [];
  const without = await start(`http://127.0.0.1:${broker.port}/`, dead);
  await until('the failure', () =>
    dead.some(({ message }) => message.includes("does not answer as RabbitMQ's management API")),
  );
  expect(without.health()).toEqual({ ok: true });
  await without.stop();
}, 60_000);

it('reports that an exchange of a service may have existed without a binding', async () => {
  const gaps: bigint[] = [];
  const topology: QueueTopology = {
    ...newTopology(),
    exchangeOwner: 'service',
    onUnbound: (from) => gaps.push(from),
  };
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
    log.filter(({ message }) =>
      message.startsWith(`messages published to exchange '${topology.exchange}' between `),
    ),
  ).toHaveLength(1);
  // It is bound before the connection is reported as up.
  await until('health', () => bus.health().ok);
  await bus.publish(sample(topology));
}, 60_000);
