import assert from 'node:assert/strict';

import type {
  DeadLetter,
  DeadLetterVerdict,
  Delivery,
  MessageBus,
  QueueTopology,
} from '@nephoscope/core/message-bus';

import { consume, deadline, message, rejects, text, until } from './message-bus-checks.js';
import { testFramework } from './test-framework.js';

type WithBus = (body: (bus: MessageBus, topology: QueueTopology) => Promise<void>) => Promise<void>;

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => String(from + i));

/** The requirements on `sweepDeadLetters`. */
export function deadLetterContract(create: () => MessageBus, withBus: WithBus): void {
  const { it } = testFramework();

  /** Sends these and makes dead letters of them, in order. */
  async function keepDeadLetter(
    bus: MessageBus,
    topology: QueueTopology,
    bodies: readonly string[],
  ): Promise<void> {
    const inbox: Delivery[] = [];
    const { cancel } = await bus.consume(
      topology.queue,
      { prefetch: 500 },
      (delivery) => void inbox.push(delivery),
    );
    const published = bodies.map((body) => bus.publish(message(topology, `a.${body}`, body)));
    await until('all', () => inbox.length === bodies.length);
    await Promise.all(inbox.map((delivery) => delivery.deadLetter(`why ${text(delivery.body)}`)));
    for (const delivery of inbox) delivery.ack();
    await Promise.all(published);
    await cancel();
  }

  /** The dead letters present, read without changing them. */
  async function look(bus: MessageBus, { queue }: QueueTopology): Promise<readonly DeadLetter[]> {
    const deadLetters: DeadLetter[] = [];
    await bus.sweepDeadLetters(queue, (deadLetter) => (deadLetters.push(deadLetter), 'keep'), deadline());
    return deadLetters;
  }

  const lookTexts = async (bus: MessageBus, topology: QueueTopology) =>
    (await look(bus, topology)).map(({ body }) => text(body));

  it('lists dead letters, oldest first, without changing them', async () => {
    await withBus(async (bus, topology) => {
      const bodies = numbers(0, 150);
      const none = await bus.sweepDeadLetters(topology.queue, () => 'drop', deadline());
      assert.deepEqual(none, { keep: 0, replay: 0, drop: 0 });
      const before = Date.now();
      await keepDeadLetter(bus, topology, bodies);
      for (const deadLetters of [await look(bus, topology), await look(bus, topology)]) {
        assert.deepEqual(
          deadLetters.map(({ body, reason, routingKey, contentType }) => [
            text(body),
            reason,
            routingKey,
            contentType,
          ]),
          bodies.map((body) => [body, `why ${body}`, `a.${body}`, 'text/plain']),
        );
        for (const { at = '' } of deadLetters) {
          assert.equal(new Date(at).toISOString(), at);
          assert.ok(Date.parse(at) >= before - 1 && Date.parse(at) <= Date.now() + 1, at);
        }
      }
    });
  });

  it('drops some, returns some to their queue, and keeps the rest in order', async () => {
    await withBus(async (bus, topology) => {
      await keepDeadLetter(bus, topology, numbers(0, 240));
      const inbox = await consume(bus, topology.queue, (delivery) => delivery.ack());
      const verdicts: readonly DeadLetterVerdict[] = ['keep', 'drop', 'replay', 'keep'];
      const verdictOf = (body: string) => verdicts[Number(body) % 4] as DeadLetterVerdict;
      const counts = await bus.sweepDeadLetters(
        topology.queue,
        async ({ body }) => Promise.resolve(verdictOf(text(body))),
        deadline(),
      );
      assert.deepEqual(counts, { keep: 120, drop: 60, replay: 60 });
      await until('what was replayed', () => inbox.length === 60);
      assert.deepEqual(
        inbox.map(({ body, contentType }) => [text(body), contentType]),
        numbers(0, 240)
          .filter((body) => verdictOf(body) === 'replay')
          .map((body) => [body, 'text/plain']),
      );
      assert.deepEqual(
        await lookTexts(bus, topology),
        numbers(0, 240).filter((body) => verdictOf(body) === 'keep'),
      );
    });
  });

  it('ignores dead letters that are added during a sweep, even those that were replayed', async () => {
    await withBus(async (bus, topology) => {
      await keepDeadLetter(bus, topology, numbers(0, 70));
      await keepDeadLetter(bus, topology, ['kept']);
      let isFirst = true;
      const seen: string[] = [];
      let back = 0;
      const counts = await bus.sweepDeadLetters(
        topology.queue,
        async ({ body }) => {
          if (isFirst) {
            isFirst = false;
            await keepDeadLetter(bus, topology, ['new']);
            await consume(bus, topology.queue, (delivery) => {
              void delivery.deadLetter('again').then(() => {
                back++;
                delivery.ack();
              });
            });
          }
          seen.push(text(body));
          return text(body) === 'kept' ? 'keep' : 'replay';
        },
        deadline(),
      );
      assert.deepEqual([counts, seen], [{ keep: 1, replay: 70, drop: 0 }, [...numbers(0, 70), 'kept']]);
      await until('all are back', () => back === 70);
      const left = await lookTexts(bus, topology);
      assert.deepEqual([...left].sort(), ['kept', 'new', ...numbers(0, 70)].sort());
    });
  });

  it('keeps the dead letter for which the decision fails, and those after it', async () => {
    await withBus(async (bus, topology) => {
      await keepDeadLetter(bus, topology, numbers(0, 9));
      const sweep = bus.sweepDeadLetters(
        topology.queue,
        ({ body }) => {
          if (text(body) === '5') throw new Error('cannot decide');
          return Number(text(body)) % 2 === 0 ? 'drop' : 'keep';
        },
        deadline(),
      );
      await assert.rejects(sweep, /cannot decide/);
      assert.deepEqual(await lookTexts(bus, topology), ['1', '3', '5', '6', '7', '8']);
    });
  });

  it('ends when it is aborted', async () => {
    await withBus(async (bus, topology) => {
      await keepDeadLetter(bus, topology, numbers(0, 4));
      const ending = new AbortController();
      const sweep = bus.sweepDeadLetters(
        topology.queue,
        ({ body }) => {
          if (text(body) === '2') ending.abort(new Error('enough'));
          return 'drop';
        },
        ending.signal,
      );
      await assert.rejects(sweep, /enough/);
      await assert.rejects(
        bus.sweepDeadLetters(topology.queue, () => 'drop', ending.signal),
        /enough/,
      );
      assert.deepEqual(await lookTexts(bus, topology), ['2', '3']);
    });
  });

  it('sweeps dead letters only while it runs, and only of existing queues', async () => {
    const sweep = (bus: MessageBus, { queue }: QueueTopology) =>
      bus.sweepDeadLetters(queue, () => 'drop', deadline());
    await withBus(async (bus, topology) => {
      await rejects(sweep(create(), topology), 'BUS_UNAVAILABLE');
      await rejects(sweep(bus, { ...topology, queue: `${topology.queue}.other` }), 'BUS_TOPOLOGY');
      await keepDeadLetter(bus, topology, ['1', '2']);
      let stopped: Promise<void> | undefined;
      const stopping = bus.sweepDeadLetters(
        topology.queue,
        () => {
          stopped = bus.stop();
          return 'drop';
        },
        deadline(),
      );
      await rejects(stopping, 'BUS_UNAVAILABLE');
      await stopped;
      await rejects(sweep(bus, topology), 'BUS_UNAVAILABLE');
    });
  });
}
