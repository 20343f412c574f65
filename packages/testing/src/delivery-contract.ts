import assert from 'node:assert/strict';

import type { Delivery, MessageBus, QueueTopology } from '@nephoscope/core/message-bus';

import { consume, message, text, until } from './message-bus-checks.js';
import { testFramework } from './test-framework.js';

type WithBus = (body: (bus: MessageBus, topology: QueueTopology) => Promise<void>) => Promise<void>;

export type ReadDeadLetters = (
  bus: MessageBus,
  topology: QueueTopology,
) => Promise<readonly { readonly reason: string; readonly body: Uint8Array }[]>;

/** The requirements on a bus for deliveries and their settlement. */
export function deliveryContract(withBus: WithBus, deadLetters: ReadDeadLetters): void {
  const { it } = testFramework();

  it('delivers at most the prefetch unsettled, and continues as they are settled', async () => {
    await withBus(async (bus, topology) => {
      const published = Promise.all(
        Array.from({ length: 30 }, (_, i) => bus.publish(message(topology, 'a.b', String(i)))),
      );
      let unsettled = 0;
      let most = 0;
      const inbox = await consume(
        bus,
        topology.queue,
        (delivery) => {
          most = Math.max(most, ++unsettled);
          setTimeout(() => {
            unsettled--;
            delivery.ack();
          }, 2);
        },
        3,
      );
      await published;
      await until('all messages', () => inbox.length === 30);
      assert.equal(most, 3);
    });
  });

  it('delivers requeued messages again, marked as such', async () => {
    await withBus(async (bus, topology) => {
      const inbox = await consume(bus, topology.queue, (delivery) =>
        delivery.redelivered ? delivery.ack() : delivery.requeue(),
      );
      await bus.publish(message(topology, 'a.b', 'again'));
      await until('the second delivery', () => inbox.length === 2);
      assert.deepEqual(
        inbox.map(({ redelivered }) => redelivered),
        [false, true],
      );
      assert.equal(text((inbox[1] as Delivery).body), 'again');
    });
  });

  it('ignores settling twice, or after the stop', async () => {
    await withBus(async (bus, topology) => {
      const inbox = await consume(bus, topology.queue, () => undefined);
      const published = [bus.publish(message(topology, 'a.b', '1')), bus.publish(message(topology, 'a.b', '2'))];
      const outcomes = Promise.allSettled(published);
      await until('both', () => inbox.length === 2);
      const [first, second] = inbox as [Delivery, Delivery];
      first.ack();
      first.ack();
      first.requeue();
      await published[0];
      assert.equal(second.isGone, false);
      await bus.stop();
      assert.equal(second.isGone, true);
      second.ack();
      second.requeue();
      await outcomes;
      assert.equal(inbox.length, 2);
    });
  });

  it('survives a handler that throws, and delivers the message again', async () => {
    await withBus(async (bus, topology) => {
      const inbox = await consume(bus, topology.queue, (delivery) => {
        if (!delivery.redelivered) throw new Error('a handler must not throw; this one does');
        delivery.ack();
      });
      await bus.publish(message(topology, 'a.b', 'x'));
      await until('the second delivery', () => inbox.length === 2);
    });
  });

  it('creates dead letters with their reason, of the whole message or another body', async () => {
    await withBus(async (bus, topology) => {
      const inbox = await consume(bus, topology.queue, () => undefined);
      const published = ['bad', 'worse', 'good'].map((each) => bus.publish(message(topology, 'a.b', each)));
      await until('all', () => inbox.length === 3);
      const [bad, worse, good] = inbox as [Delivery, Delivery, Delivery];
      await bad.deadLetter('the signature does not match: naïve');
      bad.ack();
      await worse.deadLetter('only a part', { body: new TextEncoder().encode('part') });
      worse.ack();
      good.ack();
      await Promise.all(published);
      const received = await deadLetters(bus, topology);
      assert.deepEqual(
        received.map(({ reason, body }) => [reason, text(body)]),
        [
          ['the signature does not match: naïve', 'bad'],
          ['only a part', 'part'],
        ],
      );
    });
  });

  it('delivers nothing after a cancel, later messages to others, and still permits settling earlier deliveries', async () => {
    await withBus(async (bus, topology) => {
      const kept: Delivery[] = [];
      const subscription = await bus.consume(
        topology.queue,
        { prefetch: 10 },
        (delivery) => void kept.push(delivery),
      );
      const first = bus.publish(message(topology, 'a.b', 'first'));
      await until('the first', () => kept.length === 1);
      await subscription.cancel();
      await subscription.cancel();
      const second = bus.publish(message(topology, 'a.b', 'second'));
      const inbox = await consume(bus, topology.queue, (delivery) => delivery.ack());
      await until('the second', () => inbox.length === 1);
      kept[0]?.ack();
      await Promise.all([first, second]);
      assert.deepEqual([kept.length, text((inbox[0] as Delivery).body)], [1, 'second']);
    });
  });
}
