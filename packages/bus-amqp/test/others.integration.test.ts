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

describe('exchanges and queues of other programs on the AMQP bus', () => {
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

  /** Declares an exchange as oslo.messaging does. */
  const declareExchange = () =>
    onBroker(broker.url, (channel) =>
      channel.assertExchange(topology.exchange, 'topic', { durable: false, autoDelete: false }),
    );

  /** Publishes notifications until one arrives. */
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

  it('are bound, twenty of them, without a warning from Node.js', async () => {
    const script = await bundle(new URL('hear-many.ts', import.meta.url));
    const args = [script, broker.url, topology.exchange, '20'];
    expect(await promisify(execFile)(process.execPath, args)).toMatchObject({ stderr: '' });
  }, 60_000);

  it('are waited for without declaring them; the bus stays healthy, and logs it once', async () => {
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
    // It still is as its owner declared it.
    await declareExchange();
  });

  it('are bound at once if they exist', async () => {
    await declareExchange();
    await bus.declare(topology);
    await start();
    expect(await broker.ctl('list_bindings', 'source_name', 'destination_name')).toMatch(
      new RegExp(`^${topology.exchange}\\s+${topology.queue}$`, 'm'),
    );
    expect(told(/does not exist yet, waiting/)).toEqual([]);
  });

  it('are bound again after they were deleted and declared again', async () => {
    await declareExchange();
    await bus.declare(topology);
    await start();
    const inbox = await consume();
    await untilHeard(inbox);
    await onBroker(broker.url, (channel) => channel.deleteExchange(topology.exchange));
    await until('it is noticed', () => told(/does not exist yet, waiting/).length === 1);
    await declareExchange();
    await untilHeard(inbox);
    // So fast that no check noticed the deletion.
    await onBroker(broker.url, async (channel) => {
      await channel.deleteExchange(topology.exchange);
      await channel.assertExchange(topology.exchange, 'topic', { durable: false });
    });
    await untilHeard(inbox);
  });

  it('are bound again after a restart of the broker, which loses non-durable exchanges', async () => {
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

  it("are bound to the bus's own queue again when that is deleted, consumed or not", async () => {
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

  it('are not bound if that is not permitted, which is logged once', async () => {
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

  it("are bound to the bus's own queue, which has its configured limit", async () => {
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

  it('are consumed unchanged, and waited for again after a queue is deleted', async () => {
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

  it('are waited for while the bus publishes to its own exchange', async () => {
    const own = newTopology();
    await bus.declare(topology);
    await bus.declare(own);
    await start();
    await bus.publish(sample(own));
  });
});
