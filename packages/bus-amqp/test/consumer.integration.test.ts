import type { Delivery, MessageBus, QueueTopology } from '@nephoscope/core/message-bus';

import { startRabbitmq } from '../../../tools/testbed/rabbitmq.js';
import type { PrivateRabbitmq } from '../../../tools/testbed/rabbitmq.js';
import { createBus, newTopology, onBroker, sample, until } from './support.js';

let broker: PrivateRabbitmq;

beforeAll(async () => {
  broker = await startRabbitmq();
}, 120_000);
afterAll(() => broker.stop(), 60_000);

describe('consuming on the AMQP bus', () => {
  let topology: QueueTopology;
  let bus: MessageBus;

  beforeEach(async () => {
    topology = newTopology();
    bus = createBus({ url: broker.url });
    await bus.declare(topology);
    await bus.start(AbortSignal.timeout(20_000));
  });
  afterEach(() => bus.stop());

  const text = ({ body }: Delivery) => Buffer.from(body).toString();
  const publish = (count: number) =>
    Promise.all(Array.from({ length: count }, (_, i) => bus.publish(sample(topology, String(i)))));
  /** Channels with a prefetch: the bus has others to publish, and every minute one that checks bindings. */
  const consumingChannels = async () =>
    (await broker.ctl('list_channels', 'prefetch_count')).split('\n').filter((line) => /^[1-9]/.test(line)).length;
  const left = () => onBroker(broker.url, (channel) => channel.checkQueue(topology.queue));

  it('leaves no channel open, however often it is cancelled and started again', async () => {
    await publish(100);
    const seen = new Set<string>();
    for (let round = 0; round < 50; round++) {
      const before = seen.size;
      const subscription = await bus.consume(topology.queue, { prefetch: 3 }, (delivery) => {
        seen.add(text(delivery));
        delivery.ack();
      });
      await until('some', () => seen.size > before || seen.size === 100);
      await subscription.cancel();
    }
    await until('channels to be closed', async () => (await consumingChannels()) === 0);
    expect(bus.health()).toEqual({ ok: true });
  }, 60_000);

  it('starts by itself if the broker was unavailable when it was requested', async () => {
    const other = createBus({ url: broker.url, connectTimeout: 1_000 });
    await other.declare(topology);
    await other.start(AbortSignal.timeout(20_000));
    await broker.stopApp();
    await until('it knows', () => !other.health().ok);
    const seen: string[] = [];
    await other.consume(topology.queue, { prefetch: 5 }, (delivery) => {
      seen.push(text(delivery));
      delivery.ack();
    });
    await broker.startApp();
    await until('the publisher is back', () => bus.health().ok);
    await publish(3);
    await until('all', () => seen.length === 3);
    // Its connections recover independently; the one that publishes may be the last.
    await until('it is well', () => other.health().ok);
    await other.stop();
  }, 60_000);

  it('settles, after a cancel, what was delivered before, and then closes the channel', async () => {
    await publish(5);
    const inbox: Delivery[] = [];
    const subscription = await bus.consume(
      topology.queue,
      { prefetch: 5 },
      (delivery) => void inbox.push(delivery),
    );
    await until('all', () => inbox.length === 5);
    await subscription.cancel();
    for (const delivery of inbox.slice(0, 3)) delivery.ack();
    inbox[3]!.requeue();
    await until('the one that went back', async () => (await left()).messageCount === 1);
    expect(inbox[4]!.isGone).toBe(false);
    expect(await consumingChannels()).toBe(1);
    inbox[4]!.ack();
    await until('the channel to be closed', async () => (await consumingChannels()) === 0);
    expect((await left()).messageCount).toBe(1);
  });

  it('acknowledges in any order', async () => {
    await publish(200);
    const inbox: Delivery[] = [];
    const subscription = await bus.consume(topology.queue, { prefetch: 50 }, (delivery) => {
      inbox.push(delivery);
      // Later ones before earlier ones, in several turns of the event loop.
      if (inbox.length % 50 === 0)
        inbox.slice(-50).forEach((each, i) => setTimeout(() => each.ack(), ((i * 7) % 5) * 2));
    });
    await until('all', () => inbox.length === 200);
    await until('all to be settled', async () =>
      /^0$/m.test(await broker.ctl('list_queues', 'messages_unacknowledged', '--no-table-headers')),
    );
    await subscription.cancel();
    await until('the channel to be closed', async () => (await consumingChannels()) === 0);
    expect(new Set(inbox.map(text)).size).toBe(200);
    expect((await left()).messageCount).toBe(0);
  });

  it('is reported as failing while the queue has no leader, and continues when it has one', async () => {
    const leader = `{list_to_atom("%2F_${topology.queue}"), node()}`;
    await publish(1);
    await broker.ctl('eval', `sys:suspend(${leader}).`);
    const inbox: Delivery[] = [];
    try {
      const consuming = bus.consume(topology.queue, { prefetch: 5 }, (delivery) => void inbox.push(delivery));
      consuming.catch(() => undefined);
      await until('a bad health', () => /does the queue have a leader\?/.test(JSON.stringify(bus.health())));
    } finally {
      await broker.ctl('eval', `sys:resume(${leader}).`);
    }
    await until('the message', () => inbox.length === 1);
    await until('health', () => bus.health().ok);
    inbox[0]!.ack();
  }, 60_000);
});
