import { NephoscopeError } from '@nephoscope/core';
import type { Health } from '@nephoscope/core';
import type {
  DeadLetter,
  DeadLetterVerdict,
  Delivery,
  Leadership,
  MessageBus,
  OutgoingMessage,
  QueueTopology,
  Subscription,
  TransientQueue,
} from '@nephoscope/core/message-bus';

import { FakeDelivery } from './fake-delivery.js';

interface Consumer {
  readonly prefetch: number;
  readonly handler: (delivery: Delivery) => void;
  held: FakeDelivery[];
}

interface Listener {
  readonly queue: string;
  readonly handler: (body: Uint8Array) => void;
}

interface Lock {
  note: Uint8Array;
  holder: AbortController | undefined;
  readonly asking: (() => void)[];
}

/**
 * A bus without a broker, for tests of programs. It keeps published messages and answers as the test specifies, and
 * delivers what the test sends, with at most `prefetch` unsettled. It does no routing.
 */
export class FakeBus implements MessageBus {
  /** Every published message, in order, and those that were confirmed. */
  readonly offered: OutgoingMessage[] = [];
  readonly confirmed: OutgoingMessage[] = [];
  readonly declared: QueueTopology[] = [];
  readonly listening: TransientQueue[] = [];
  /** Sent, not delivered yet. */
  readonly waiting: FakeDelivery[] = [];
  /** The dead letters of each queue, oldest first; a test may add more. */
  readonly deadLetters = new Map<string, DeadLetter[]>();
  /** The outcome of publishing a message: confirmed when it resolves. */
  answer: (message: OutgoingMessage) => Promise<void> = () => Promise.resolve();
  readonly #consumers = new Map<string, Consumer>();
  readonly #listeners = new Set<Listener>();
  readonly #locks = new Map<string, Lock>();

  start = () => Promise.resolve();
  stop = () => Promise.resolve();
  health = (): Health => ({ ok: true });

  declare(topology: QueueTopology): Promise<void> {
    this.declared.push(topology);
    return Promise.resolve();
  }

  async publish(message: OutgoingMessage): Promise<void> {
    this.offered.push(message);
    await this.answer(message);
    this.confirmed.push(message);
  }

  consume(
    queue: string,
    { prefetch }: { readonly prefetch: number },
    handler: (delivery: Delivery) => void,
  ): Promise<Subscription> {
    if (this.#consumers.has(queue)) return Promise.reject(new Error(`queue '${queue}' has a consumer already`));
    this.#consumers.set(queue, { prefetch, handler, held: [] });
    this.pump();
    return Promise.resolve({ cancel: () => Promise.resolve(void this.#consumers.delete(queue)) });
  }

  listen(queue: TransientQueue, handler: (body: Uint8Array) => void): Promise<Subscription> {
    this.listening.push(queue);
    const listener = { queue: queue.queue, handler };
    this.#listeners.add(listener);
    return Promise.resolve({ cancel: () => Promise.resolve(void this.#listeners.delete(listener)) });
  }

  async sweepDeadLetters(
    queue: string,
    decide: (deadLetter: DeadLetter) => DeadLetterVerdict | Promise<DeadLetterVerdict>,
    signal: AbortSignal,
  ): Promise<Readonly<Record<DeadLetterVerdict, number>>> {
    const counts = { keep: 0, replay: 0, drop: 0 };
    const deadLetters = this.#deadLettersOf(queue).splice(0);
    const kept: DeadLetter[] = [];
    try {
      for (let deadLetter; (deadLetter = deadLetters[0]) !== undefined; deadLetters.shift()) {
        signal.throwIfAborted();
        const verdict = await decide(deadLetter);
        counts[verdict]++;
        if (verdict === 'keep') kept.push(deadLetter);
        const { body, contentType } = deadLetter;
        if (verdict === 'replay') this.send(new FakeDelivery({ queue, body, contentType, routingKey: queue }));
      }
    } finally {
      this.#deadLettersOf(queue).unshift(...kept, ...deadLetters);
    }
    return counts;
  }

  async lead(name: string, signal: AbortSignal): Promise<Leadership> {
    signal.throwIfAborted();
    const lock = this.#lock(name);
    while (lock.holder !== undefined) {
      await new Promise<void>((resolve, reject) => {
        lock.asking.push(resolve);
        signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
      });
    }
    const lost = (lock.holder = new AbortController());
    return {
      note: lock.note,
      lost: lost.signal,
      async saveNote(note) {
        lost.signal.throwIfAborted();
        lock.note = note;
      },
      release: () => Promise.resolve(void this.#free(lock, lost, 'the lock was given up')),
    };
  }

  /** Delivers these to the consumers of their queues, at once or, beyond the prefetch, as others are settled. */
  send(...deliveries: readonly FakeDelivery[]): void {
    for (const delivery of deliveries)
      delivery.onDeadLetter = (deadLetter) => void this.#deadLettersOf(delivery.queue).push(deadLetter);
    this.waiting.push(...deliveries);
    this.pump();
  }

  /** Delivers what the prefetch allows; returns the number of unsettled ones. Also called by each settlement. */
  pump(): number {
    const sent = this.waiting.splice(0);
    this.waiting.unshift(...sent.filter((delivery) => !this.#deliver(delivery)));
    return [...this.#consumers.values()].reduce((sum, { held }) => sum + held.length, 0);
  }

  /** Passes a message to the listeners of this queue; returns their number. */
  emit(queue: string, body: Uint8Array): number {
    const listeners = [...this.#listeners].filter((listener) => listener.queue === queue);
    for (const { handler } of listeners) handler(body);
    return listeners.length;
  }

  /** Takes the lock from its holder, as if its connection were lost; the next program that waits gets it. */
  loseLead(name: string): void {
    const lock = this.#lock(name);
    if (lock.holder === undefined) throw new Error(`nobody holds the lock '${name}'`);
    this.#free(lock, lock.holder, 'the connection was lost');
  }

  #deadLettersOf(queue: string): DeadLetter[] {
    const deadLetters = this.deadLetters.get(queue) ?? [];
    this.deadLetters.set(queue, deadLetters);
    return deadLetters;
  }

  #lock(name: string): Lock {
    const lock = this.#locks.get(name) ?? { note: new Uint8Array(), holder: undefined, asking: [] };
    this.#locks.set(name, lock);
    return lock;
  }

  #free(lock: Lock, holder: AbortController, reason: string): void {
    if (lock.holder !== holder) return;
    lock.holder = undefined;
    holder.abort(new NephoscopeError('BUS_UNAVAILABLE', reason));
    for (const ask of lock.asking.splice(0)) ask();
  }

  #deliver(delivery: FakeDelivery): boolean {
    const consumer = this.#consumers.get(delivery.queue);
    if (consumer === undefined || consumer.held.length >= consumer.prefetch) return false;
    consumer.held.push(delivery);
    delivery.onSettled = () => {
      consumer.held = consumer.held.filter((held) => held !== delivery);
      queueMicrotask(() => this.pump());
    };
    consumer.handler(delivery);
    return true;
  }
}
