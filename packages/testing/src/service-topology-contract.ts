import assert from 'node:assert/strict';

import type { MessageBus, QueueTopology } from '@nephoscope/core/message-bus';

import { consume, message, newTopology, text, until } from './message-bus-checks.js';
import { testFramework } from './test-framework.js';

type WithBus = (body: (bus: MessageBus, topology: QueueTopology) => Promise<void>) => Promise<void>;

/** The requirements on a bus for exchanges and queues of services, and for the size limit of its own. */
export function serviceTopologyContract(
  withBus: WithBus,
  remove: ((topology: QueueTopology) => Promise<void>) | undefined,
): void {
  const { it } = testFramework();

  it("binds its queue to another service's exchange when that exists", async () => {
    await withBus(async (bus) => {
      const ours = { ...newTopology(), exchangeOwner: 'service' as const };
      const theirs = { ...newTopology(), exchange: ours.exchange };
      try {
        await bus.declare(ours);
        const inbox = await consume(bus, ours.queue, (delivery) => delivery.ack());
        await bus.declare(theirs);
        await consume(bus, theirs.queue, (delivery) => delivery.ack());
        await until('the binding', async () => {
          await bus.publish(message(theirs, 'a.b', 'x'));
          return inbox.length > 0;
        });
      } finally {
        await remove?.(ours);
        await remove?.(theirs);
      }
    });
  });

  it("consumes another service's queue when that exists", async () => {
    await withBus(async (bus) => {
      const theirs = newTopology();
      const dead = `${theirs.queue}.ours`;
      try {
        await bus.declare({ ...theirs, queueOwner: 'service', exchangeOwner: 'service', deadLetterQueue: dead });
        const inbox = await consume(bus, theirs.queue, (delivery) => delivery.ack());
        assert.deepEqual(bus.health(), { ok: true });
        await bus.declare(theirs);
        await bus.publish(message(theirs, 'a.b', 'x'));
        await until('the message', () => inbox.length === 1);
      } finally {
        await remove?.(theirs);
        await remove?.({ ...theirs, deadLetterQueue: dead });
      }
    });
  });

  it('drops the oldest messages of a queue beyond its limit, and confirms them', async () => {
    await withBus(async (bus, unbounded) => {
      const bounded = { ...newTopology(), exchange: unbounded.exchange, maxBytes: 10 };
      try {
        await bus.declare(bounded);
        const all = await consume(bus, unbounded.queue, (delivery) => delivery.ack());
        const published = ['first', '-two-', 'three'].map((each) => bus.publish(message(unbounded, 'a.b', each)));
        await until('all', () => all.length === 3);
        await published[0];
        const inbox = await consume(bus, bounded.queue, (delivery) => delivery.ack());
        await Promise.all(published);
        await until('the newest', () => inbox.length === 2);
        assert.deepEqual(
          inbox.map(({ body }) => text(body)),
          ['-two-', 'three'],
        );
      } finally {
        await remove?.(bounded);
      }
    });
  });
}
