import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';

import { isNephoscopeError } from '@nephoscope/core';
import type { Delivery, MessageBus, QueueTopology } from '@nephoscope/core/message-bus';

import { consume, deadline, handles, message, newTopology, rejects, text, until } from './message-bus-checks.js';
import { deadLetterContract } from './dead-letter-contract.js';
import { deliveryContract } from './delivery-contract.js';
import type { ReadDeadLetters } from './delivery-contract.js';
import { listenContract } from './listen-contract.js';
import { lockContract } from './lock-contract.js';
import { serviceTopologyContract } from './service-topology-contract.js';
import { testFramework } from './test-framework.js';

export interface MessageBusContract {
  /** A bus that is not started yet; all buses of one run use the same broker, if there is one. */
  create(): MessageBus;
  /** A bus whose `start` cannot succeed, if that is possible. */
  createUnstartable?(): MessageBus;
  /** The dead letters of that queue, oldest first. */
  readonly deadLetters: ReadDeadLetters;
  /** Removes what the broker keeps of a test; its locks have the names of queues. */
  remove?(topology: QueueTopology): Promise<void>;
}

/**
 * The requirements on every MessageBus, as tests in the framework whose `describe` and `it` are global (jest, or
 * vitest with `globals`). A publish may resolve when the broker has stored the message, or only when a consumer
 * received it.
 */
export function messageBusContract(
  name: string,
  { create, createUnstartable, deadLetters, remove }: MessageBusContract,
): void {
  const { describe, it } = testFramework();

  /** Runs `body` with a started bus and a declared topology of its own. */
  async function withBus(body: (bus: MessageBus, topology: QueueTopology) => Promise<void>): Promise<void> {
    const topology = newTopology();
    const bus = create();
    try {
      await bus.declare(topology);
      await bus.start(deadline());
      await body(bus, topology);
    } finally {
      await bus.stop();
      await remove?.(topology);
    }
  }

  describe(`${name} keeps the MessageBus contract`, () => {
    it('stops before it was started, twice, and at the same time', async () => {
      const bus = create();
      await bus.stop();
      await Promise.all([bus.stop(), bus.stop()]);
      assert.equal(bus.health().ok, false);
    });

    it('leaves no handle open', async () => {
      const before = handles();
      await withBus(async (bus, topology) => {
        const inbox = await consume(bus, topology.queue, (delivery) => delivery.ack());
        await bus.publish(message(topology, 'a.b', 'x'));
        await until('the message', () => inbox.length === 1);
        await Promise.all([bus.stop(), bus.stop()]);
      });
      await until(`handles to be closed (before: ${before.join()})`, () => handles().length <= before.length);
    });

    if (createUnstartable !== undefined) {
      it('undoes a start that fails', async () => {
        const before = handles();
        const bus = createUnstartable();
        await assert.rejects(bus.start(AbortSignal.timeout(1_500)), (error) => isNephoscopeError(error));
        await until('handles to be closed', () => handles().length <= before.length);
        assert.equal(bus.health().ok, false);
        await bus.stop();
      });
    }

    it('refuses to publish before the start and after the stop', async () => {
      const topology = newTopology();
      const bus = create();
      await bus.declare(topology);
      await rejects(bus.publish(message(topology, 'a.b', 'x')), 'BUS_UNAVAILABLE');
      await bus.start(deadline());
      assert.deepEqual(bus.health(), { ok: true });
      await bus.stop();
      await rejects(bus.publish(message(topology, 'a.b', 'x')), 'BUS_UNAVAILABLE');
      await remove?.(topology);
    });

    it('delivers messages published before there was a consumer', async () => {
      await withBus(async (bus, topology) => {
        const published = bus.publish(message(topology, 'a.early', 'early'));
        const inbox = await consume(bus, topology.queue, (delivery) => delivery.ack());
        await published;
        await until('the message', () => inbox.length === 1);
        const [delivery] = inbox as [Delivery];
        assert.equal(text(delivery.body), 'early');
        assert.equal(delivery.routingKey, 'a.early');
        assert.equal(delivery.contentType, 'text/plain');
        assert.equal(delivery.redelivered, false);
      });
    });

    it('starts to consume what was requested before the start', async () => {
      const topology = newTopology();
      const bus = create();
      try {
        await bus.declare(topology);
        const inbox = await consume(bus, topology.queue, (delivery) => delivery.ack());
        await bus.start(deadline());
        await bus.publish(message(topology, 'a.b', 'x'));
        await until('the message', () => inbox.length === 1);
      } finally {
        await bus.stop();
        await remove?.(topology);
      }
    });

    it('accepts further declarations, and repeated ones, while it runs', async () => {
      await withBus(async (bus, first) => {
        const second = { ...newTopology(), exchange: first.exchange };
        try {
          await bus.declare(second);
          await bus.declare(second);
          const one = await consume(bus, first.queue, (delivery) => delivery.ack());
          const other = await consume(bus, second.queue, (delivery) => delivery.ack());
          await bus.publish(message(first, 'a.both', 'x'));
          await until('a copy for each queue', () => one.length === 1 && other.length === 1);
        } finally {
          await remove?.(second);
        }
      });
    });

    it('binds a queue to several exchanges', async () => {
      await withBus(async (bus, first) => {
        const second = { ...first, exchange: `${first.exchange}-second`, bindings: ['b.#'] };
        try {
          await bus.declare(second);
          const inbox = await consume(bus, first.queue, (delivery) => delivery.ack());
          await bus.publish(message(first, 'a.x', 'x'));
          await bus.publish(message(second, 'b.x', 'x'));
          await rejects(bus.publish(message(second, 'a.x', 'x')), 'BUS_UNROUTABLE');
          await until('both', () => inbox.length === 2);
        } finally {
          await remove?.(second);
        }
      });
    });

    it('routes by topic: words separated by dots, * for one word, # for any number', async () => {
      const topology = { ...newTopology(), bindings: ['exact.key', 'one.*.end', 'many.#'] };
      const bus = create();
      try {
        await bus.start(deadline());
        await bus.declare(topology);
        const inbox = await consume(bus, topology.queue, (delivery) => delivery.ack());
        const wanted = [
          'exact.key',
          'one.x.end',
          'many',
          'many.a',
          'many.disk.read.bytes',
          'many.network:eth0_rx',
        ];
        await Promise.all(wanted.map((key) => bus.publish(message(topology, key, key))));
        for (const key of ['exact', 'exact.key.more', 'one.end', 'one.x.y.end', 'manya.b', 'other.many']) {
          await rejects(bus.publish(message(topology, key, key)), 'BUS_UNROUTABLE');
        }
        await until('all that match', () => inbox.length === wanted.length);
        assert.deepEqual(inbox.map(({ routingKey }) => routingKey).sort(), [...wanted].sort());
      } finally {
        await bus.stop();
        await remove?.(topology);
      }
    });

    it('reports that an exchange does not exist', async () => {
      await withBus(async (bus, topology) => {
        const nowhere = { ...message(topology, 'a.b', 'x'), exchange: `nowhere-${randomUUID()}` };
        await rejects(bus.publish(nowhere), 'BUS_UNROUTABLE');
        // It continues, perhaps after a moment of recovery.
        await consume(bus, topology.queue, (delivery) => delivery.ack());
        await until('the next publish', () =>
          bus.publish(message(topology, 'a.b', 'x')).then(
            () => true,
            () => false,
          ),
        );
      });
    });

    it('transfers bodies byte for byte, whatever their length', async () => {
      await withBus(async (bus, topology) => {
        const bodies = [0, 1, 255, 2_048, 131_072, 1_048_576].map((length) =>
          Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8)) & 0xff),
        );
        const inbox = await consume(bus, topology.queue, (delivery) => delivery.ack());
        // A view into a larger buffer must be only its own bytes.
        bodies.push(new Uint8Array(Uint8Array.from([9, 1, 2, 3, 9]).buffer, 1, 3));
        for (const body of bodies) await bus.publish({ ...message(topology, 'a.b', ''), body });
        await until('all bodies', () => inbox.length === bodies.length);
        inbox.forEach((delivery, i) =>
          assert.ok(Buffer.from(delivery.body).equals(bodies[i] as Uint8Array), `body ${i}`),
        );
      });
    });

    it('publishes many messages concurrently, in order', async () => {
      await withBus(async (bus, topology) => {
        const inbox = await consume(bus, topology.queue, (delivery) => delivery.ack(), 100);
        const texts = Array.from({ length: 2_500 }, (_, i) => String(i));
        await Promise.all(texts.map((each) => bus.publish(message(topology, 'a.b', each))));
        await until('all messages', () => inbox.length === texts.length);
        assert.deepEqual(
          inbox.map(({ body }) => text(body)),
          texts,
        );
      });
    });

    deliveryContract(withBus, deadLetters);
    deadLetterContract(create, withBus);
    serviceTopologyContract(withBus, remove);
    listenContract(withBus);
    lockContract(create, withBus);
  });
}
