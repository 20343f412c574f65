import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import type { MessageBus, QueueTopology } from '@nephoscope/core/message-bus';

import { bundle } from '../../../tools/testbed/bundle.js';
import { startRabbitmq } from '../../../tools/testbed/rabbitmq.js';
import type { PrivateRabbitmq } from '../../../tools/testbed/rabbitmq.js';
import { createBus, hurriedClock, newTopology, onBroker, sample, until } from './support.js';
import type { LogEntry } from './support.js';

let broker: PrivateRabbitmq;

beforeAll(async () => {
  broker = await startRabbitmq();
}, 120_000);
afterAll(() => broker.stop(), 60_000);

describe('the AMQP bus and what others declare', () => {
  let topology: QueueTopology;
  let bus: MessageBus;
  let log: LogEntry[];

  beforeEach(() => {
    topology = { ...newTopology(), exchangeOwner: 'service' };
    log = [];
    bus = createBus({ url: broker.url }, log, hurriedClock);
  });
  afterEach(() => bus.stop());

  const start = () => bus.start(AbortSignal.timeout(20_000));

  async function consume(): Promise<string[]> {
    const inbox: string[] = [];
    await bus.consume(topology.queue, { prefetch: 10 }, (delivery) => {
      inbox.push(Buffer.from(delivery.body).toString());
      delivery.ack();
    });
    return inbox;
  }

  /** As oslo.messaging does. */
  const declareExchange = () =>
    onBroker(broker.url, (channel) =>
      channel.assertExchange(topology.exchange, 'topic', { durable: false, autoDelete: false }),
    );

  /** Notifies until one arrives. */
  async function untilHeard(inbox: readonly string[]): Promise<void> {
    const before = inbox.length;
    await until('a notification', async () => {
      await onBroker(broker.url, async (channel) => {
        channel.publish(topology.exchange, 'metering.x', Buffer.from('x'));
        await channel.checkExchange(topology.exchange);
      });
      return inbox.length > before;
    });
  }

  const told = (pattern: RegExp) => log.filter(({ message }) => pattern.test(message));

  it('hears twenty exchanges without a warning of Node.js', async () => {
    const script = await bundle(new URL('hear-many.ts', import.meta.url));
    const args = [script, broker.url, topology.exchange, '20'];
    expect(await promisify(execFile)(process.execPath, args)).toMatchObject({ stderr: '' });
  }, 60_000);

  it('waits for an exchange without declaring it, healthy, and says so once', async () => {
    await bus.declare(topology);
    await start();
    await bus.declare(topology);
    const inbox = await consume();
    const queues = await broker.ctl('list_queues', 'name');
    expect(queues).toMatch(new RegExp(`^${topology.queue}$`, 'm'));
    expect(queues).toMatch(new RegExp(`^${topology.deadLetterQueue}$`, 'm'));
    expect(await broker.ctl('list_exchanges', 'name')).not.toMatch(topology.exchange);
    expect(bus.health()).toEqual({ ok: true });
    await declareExchange();
    await untilHeard(inbox);
    await until('the log', () => told(/is bound/).length === 1);
    expect(told(/does not exist yet, waiting/)).toHaveLength(1);
    // It is still what its owner declared.
    await declareExchange();
  });

  it('binds at once where the exchange is there', async () => {
    await declareExchange();
    await bus.declare(topology);
    await start();
    expect(await broker.ctl('list_bindings', 'source_name', 'destination_name')).toMatch(
      new RegExp(`^${topology.exchange}\\s+${topology.queue}$`, 'm'),
    );
    expect(told(/does not exist yet, waiting/)).toEqual([]);
  });

  it('binds again when the exchange was deleted and declared anew', async () => {
    await declareExchange();
    await bus.declare(topology);
    await start();
    const inbox = await consume();
    await untilHeard(inbox);
    await onBroker(broker.url, (channel) => channel.deleteExchange(topology.exchange));
    await until('it is noticed', () => told(/does not exist yet, waiting/).length === 1);
    await declareExchange();
    await untilHeard(inbox);
    // So quickly that nobody saw it gone.
    await onBroker(broker.url, async (channel) => {
      await channel.deleteExchange(topology.exchange);
      await channel.assertExchange(topology.exchange, 'topic', { durable: false });
    });
    await untilHeard(inbox);
  });

  it('binds again after a restart of the broker, which forgets exchanges that are not durable', async () => {
    await declareExchange();
    await bus.declare(topology);
    await start();
    const inbox = await consume();
    await untilHeard(inbox);
    await broker.restart();
    await until('it is noticed', () => told(/does not exist yet, waiting/).length === 1);
    await declareExchange();
    await untilHeard(inbox);
    await until('health', () => bus.health().ok);
  }, 60_000);

  it('declares and binds its queue again when that is deleted, consumed or not', async () => {
    await declareExchange();
    await bus.declare(topology);
    await start();
    await onBroker(broker.url, (channel) => channel.deleteQueue(topology.queue));
    await until('the binding', async () =>
      (await broker.ctl('list_bindings', 'destination_name')).includes(topology.queue),
    );
    const inbox = await consume();
    await onBroker(broker.url, (channel) => channel.deleteQueue(topology.queue));
    await untilHeard(inbox);
  });

  it('goes on without a binding that it is not allowed to make, and says so once', async () => {
    await broker.ctl('add_user', 'limited', 'secret');
    await broker.ctl('set_permissions', 'limited', '.*', '.*', '^test-.*dead$');
    await declareExchange();
    await bus.stop();
    bus = createBus({ url: broker.url.replace('guest:guest', 'limited:secret') }, log, hurriedClock);
    await bus.declare(topology);
    await start();
    expect(told(/cannot be bound/)).toHaveLength(1);
    await broker.ctl('set_permissions', 'limited', '.*', '.*', '.*');
    const inbox = await consume();
    await untilHeard(inbox);
    expect(told(/cannot be bound/)).toHaveLength(1);
  });

  it('declares its own queue with its bound', async () => {
    topology = { ...newTopology(), maxBytes: 1_000_000 };
    await bus.declare(topology);
    await start();
    await onBroker(broker.url, (channel) =>
      channel.assertQueue(topology.queue, {
        durable: true,
        arguments: {
          'x-queue-type': 'quorum',
          'x-delivery-limit': 2_147_483_647,
          'x-max-length-bytes': 1_000_000,
        },
      }),
    );
  });

  it('waits for a queue of others, consumes it as it is, and waits again when it is deleted', async () => {
    topology = { ...topology, queueOwner: 'service' };
    await bus.declare(topology);
    await start();
    const inbox = await consume();
    const send = (body: string) =>
      onBroker(broker.url, async (channel) => {
        await channel.assertQueue(topology.queue, { durable: false });
        channel.sendToQueue(topology.queue, Buffer.from(body));
      });
    expect(bus.health()).toEqual({ ok: true });
    expect(await broker.ctl('list_queues', 'name')).not.toMatch(new RegExp(`^${topology.queue}$`, 'm'));
    await send('1');
    await until('the first', () => inbox.length === 1);
    await onBroker(broker.url, (channel) => channel.deleteQueue(topology.queue));
    await until('it is noticed', () => told(/does not exist yet, waiting/).length === 2);
    expect(bus.health()).toEqual({ ok: true });
    await send('2');
    await until('the second', () => inbox.length === 2);
    expect(await broker.ctl('list_bindings', 'source_name')).not.toMatch(topology.exchange);
  });

  it('publishes to its own exchange meanwhile', async () => {
    const own = newTopology();
    await bus.declare(topology);
    await bus.declare(own);
    await start();
    await bus.publish(sample(own));
  });
});
