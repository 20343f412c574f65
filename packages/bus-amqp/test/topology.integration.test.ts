import type { Delivery, MessageBus, QueueTopology } from '@nephoscope/core/message-bus';
import type { GetMessage } from 'amqplib';

import { createBus, hurriedClock, newTopology, onBroker, remove, sample, sharedBroker, until } from './support.js';

const url = sharedBroker();

describe('declarations on the AMQP bus', () => {
  let topology: QueueTopology;
  let bus: MessageBus;

  beforeEach(() => {
    topology = newTopology();
    bus = createBus({ url });
  });

  afterEach(async () => {
    await bus.stop();
    await remove(url, topology);
  });

  async function start() {
    await bus.declare(topology);
    await bus.start(AbortSignal.timeout(10_000));
  }

  async function consume(
    handler: (delivery: Delivery) => void = (delivery) => delivery.ack(),
  ): Promise<Delivery[]> {
    const inbox: Delivery[] = [];
    await bus.consume(topology.queue, { prefetch: 10 }, (delivery) => {
      inbox.push(delivery);
      handler(delivery);
    });
    return inbox;
  }

  it('are the exchange as oslo.messaging declares it, quorum queues, and persistent messages', async () => {
    await start();
    await bus.publish(sample(topology));
    await onBroker(url, async (channel) => {
      // The broker refuses these unless they are declared in exactly this way.
      await channel.assertExchange(topology.exchange, 'topic', { durable: false });
      const quorum = { 'x-queue-type': 'quorum', 'x-delivery-limit': 2_147_483_647 };
      const expiry = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': topology.deadLetterQueue };
      await channel.assertQueue(topology.queue, { durable: true, arguments: { ...quorum, ...expiry } });
      await channel.assertQueue(topology.deadLetterQueue, { durable: true, arguments: quorum });
      const message = (await channel.get(topology.queue, { noAck: true })) as GetMessage;
      expect(message.properties).toMatchObject({ deliveryMode: 2, contentType: 'application/json' });
    });
  });

  it('accept an exchange that was declared differently', async () => {
    await onBroker(url, (channel) => channel.assertExchange(topology.exchange, 'topic', { durable: false }));
    await start();
    const inbox = await consume();
    await bus.publish(sample(topology));
    await until('the message', () => inbox.length === 1);
  });

  it('accept a queue that was declared differently', async () => {
    await onBroker(url, (channel) =>
      channel.assertQueue(topology.queue, { durable: true, messageTtl: 3_600_000 }),
    );
    await start();
    const inbox = await consume();
    await bus.publish(sample(topology));
    await until('the message', () => inbox.length === 1);
  });

  it('report a queue that the broker refuses access to', async () => {
    // It is exclusive to another connection.
    await onBroker(url, async (channel) => {
      await channel.assertQueue(topology.queue, { exclusive: true });
      await bus.start(AbortSignal.timeout(10_000));
      await expect(bus.declare(topology)).rejects.toMatchObject({
        code: 'BUS_TOPOLOGY',
        message: expect.stringContaining(topology.queue),
      });
    });
  });

  it('report that a queue to consume does not exist', async () => {
    await bus.start(AbortSignal.timeout(10_000));
    await expect(consume()).rejects.toThrow(/no queue/);
  });

  it('are repeated when the queue is deleted while it is consumed', async () => {
    await start();
    const inbox = await consume();
    await bus.publish(sample(topology, 'before'));
    await until('the first', () => inbox.length === 1);
    await onBroker(url, (channel) => channel.deleteQueue(topology.queue));
    await bus.publish(sample(topology, 'after'));
    await until('the second', () => inbox.length === 2);
    await until('health', () => bus.health().ok);
  });

  it('bind the queue again after it was unbound, although another consumer gets the messages', async () => {
    await bus.stop();
    bus = createBus({ url }, [], hurriedClock);
    await start();
    const inbox = await consume();
    await onBroker(url, async (channel) => {
      const { queue: other } = await channel.assertQueue('', { exclusive: true });
      await channel.bindQueue(other, topology.exchange, '#');
      for (const pattern of topology.bindings)
        await channel.unbindQueue(topology.queue, topology.exchange, pattern);
      await until('a message', async () => {
        await bus.publish(sample(topology));
        return inbox.length > 0;
      });
    });
  });

  it('are repeated when publishing finds queue and exchange deleted', async () => {
    await start();
    await onBroker(url, (channel) => channel.deleteQueue(topology.queue));
    await bus.publish(sample(topology));
    await onBroker(url, async (channel) =>
      expect((await channel.checkQueue(topology.queue)).messageCount).toBe(1),
    );
    await onBroker(url, (channel) => channel.deleteExchange(topology.exchange));
    await until('a publish', () =>
      bus.publish(sample(topology)).then(
        () => true,
        () => false,
      ),
    );
  });

  it('are not repeated for a message that none of the queues would receive', async () => {
    await start();
    await onBroker(url, async (channel) => {
      await channel.deleteQueue(topology.queue);
      const other = { ...sample(topology), routingKey: 'compute.node-1' };
      await expect(bus.publish(other)).rejects.toMatchObject({ code: 'BUS_UNROUTABLE' });
      await channel.assertQueue(topology.queue, { durable: false });
    });
  });

  it('let a dead letter keep its origin, its reason, and its content', async () => {
    await start();
    const inbox = await consume(() => undefined);
    await onBroker(url, async (channel) => {
      channel.publish(topology.exchange, 'metering.disk.read', Buffer.from('{'), {
        contentType: 'text/x',
        headers: { tenant: 'blue' },
      });
      await until('the message', () => inbox.length === 1);
    });
    // Somebody emptied the queue; the dead letter is not lost.
    await onBroker(url, (channel) => channel.deleteQueue(topology.deadLetterQueue));
    await inbox[0]!.deadLetter('not JSON: '.padEnd(100_000, 'x'));
    inbox[0]!.ack();
    await onBroker(url, async (channel) => {
      const deadLetter = (await channel.get(topology.deadLetterQueue, { noAck: true })) as GetMessage;
      expect(deadLetter.content.toString()).toBe('{');
      expect(deadLetter.properties).toMatchObject({ contentType: 'text/x', deliveryMode: 2 });
      expect(deadLetter.properties.headers).toMatchObject({
        tenant: 'blue',
        'x-reason': expect.stringMatching(/^not JSON: x/),
        'x-original-exchange': topology.exchange,
        'x-original-routing-key': 'metering.disk.read',
        'x-dead-lettered-at': expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      });
    });
  });

  it('do not limit bodies to one frame', async () => {
    await start();
    const inbox = await consume();
    const body = Buffer.alloc(5 * 1024 * 1024, 'nephoscope ');
    await bus.publish(sample(topology, body));
    await until('the message', () => inbox.length === 1);
    expect(body.equals(inbox[0]!.body)).toBe(true);
  });

  it('refuse a routing key that AMQP cannot carry', async () => {
    await start();
    const message = { ...sample(topology), routingKey: 'metering.'.padEnd(256, 'x') };
    await expect(bus.publish(message)).rejects.toMatchObject({ code: 'BUS_UNROUTABLE' });
    await bus.publish(sample(topology));
  });
});
