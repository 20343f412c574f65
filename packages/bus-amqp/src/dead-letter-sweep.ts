import { NephoscopeError, PermanentError } from '@nephoscope/core';
import type { DeadLetter, DeadLetterVerdict } from '@nephoscope/core/message-bus';
import { setTimeout as delay } from 'node:timers/promises';

import type { BrokerChannel, ConsumeMessage } from './broker-channel.js';
import { readDeadLetter } from './dead-letters.js';
import type { Connection } from './open-connection.js';
import { settlesWithin } from './promises.js';
import { isQueueThere, refusal } from './topology.js';
import { at } from './unsettled.js';

/**
 * Number of dead letters held at once. If more than 32 are requeued by one consumer at once, or commands for more
 * than 32 arrive at once, a quorum queue does not keep their order: it has them in Erlang maps, which are sorted only
 * up to that size.
 */
const window = 32;
const windowsAtOnce = 16;

/** After this long without a dead letter, ms, it checks whether any are left: another consumer may have taken them. */
const timeLimit = 1_000;

/** Time for the broker to requeue the kept dead letters and to count them again, ms. */
const returnGrace = 60_000;
const showGrace = 2_000;

export interface SweepSettings {
  readonly connection: Connection;
  /** The queue of the dead letters. */
  readonly queue: string;
  decide(deadLetter: DeadLetter): DeadLetterVerdict | Promise<DeadLetterVerdict>;
  /** Resolves when the dead letter is confirmed in its original queue. */
  replay(deadLetter: DeadLetter): Promise<void>;
  readonly signal: AbortSignal;
}

/**
 * Visits the dead letters that are in a queue now, window by window, each with a separate consumer: kept ones stay
 * unsettled until the end, so that they are not delivered again, and would fill any window. A consumer is cancelled
 * before anything of its window is acknowledged, so that nothing is in transit to it then. At the end the kept ones
 * are requeued window by window, because a quorum queue puts requeued messages after those requeued before, whereas a
 * classic queue restores their old positions. If the connection is lost, a quorum queue mixes the windows; if a sweep
 * ends early, visited dead letters may come after unvisited ones.
 */
export class DeadLetterSweep {
  readonly #settings: SweepSettings;
  readonly #channel: BrokerChannel;
  /** The channel closed with unsettled messages, or a dead letter could not be replayed. */
  readonly #ended = new AbortController();
  readonly #failed = new AbortController();
  readonly #over: AbortSignal;
  readonly #counts = { keep: 0, replay: 0, drop: 0 };
  /** Of the current window: arrived and not yet decided; decided and not yet acknowledged. */
  readonly #inbox: ConsumeMessage[] = [];
  #done: number[] = [];
  /** For each window, in order, the delivery tags that are not settled. */
  readonly #unsettled: Set<number>[] = [];
  #tag: string | undefined;
  readonly #replays = new Set<Promise<void>>();
  #onArrival: () => void = () => undefined;

  private constructor(settings: SweepSettings, channel: BrokerChannel) {
    const { connection, signal } = settings;
    this.#settings = settings;
    this.#channel = channel;
    this.#over = AbortSignal.any([signal, connection.lost, this.#ended.signal, this.#failed.signal]);
    const { ended } = channel;
    ended.addEventListener('abort', () => this.#ended.abort(this.#unavailable(ended.reason)));
  }

  /**
   * @throws BUS_UNAVAILABLE; BUS_TOPOLOGY if the queue does not exist or may not be read; what `decide` and `signal`
   *   throw
   */
  static async run(settings: SweepSettings): Promise<Readonly<Record<DeadLetterVerdict, number>>> {
    settings.signal.throwIfAborted();
    const { connection, queue } = settings;
    if (!(await isQueueThere(connection, queue)))
      throw new PermanentError(
        'BUS_TOPOLOGY',
        `${connection.broker.toString()} has no queue '${queue}': check the broker, virtual host and queue name`,
      );
    const sweep = new DeadLetterSweep(settings, await connection.openChannel());
    try {
      await sweep.#goThrough();
      return sweep.#counts;
    } finally {
      await settlesWithin(returnGrace, sweep.#giveBack());
    }
  }

  async #goThrough(): Promise<void> {
    for (let left = await this.#count(); left > 0; left -= window) {
      const isOver = !(await this.#goThroughWindow(Math.min(left, window)));
      await Promise.all(this.#replays);
      this.#failed.signal.throwIfAborted();
      await this.#endWindow();
      if (isOver) return;
    }
  }

  /** @returns whether there were that many */
  async #goThroughWindow(size: number): Promise<boolean> {
    await this.#consume(size);
    for (let i = 0; i < size; i++) {
      const message = await this.#next();
      if (message === undefined) return false;
      await this.#deal(message);
    }
    return true;
  }

  async #deal(message: ConsumeMessage): Promise<void> {
    const { decide, replay } = this.#settings;
    const deadLetter = readDeadLetter(message);
    const { deliveryTag } = message.fields;
    const verdict = await decide(deadLetter);
    this.#over.throwIfAborted();
    const done = () => {
      this.#counts[verdict]++;
      if (verdict !== 'keep') this.#done.push(deliveryTag);
    };
    if (verdict !== 'replay') return done();
    const replayed: Promise<void> = replay(deadLetter)
      .then(done, (error) => this.#failed.abort(error))
      .finally(() => this.#replays.delete(replayed));
    this.#replays.add(replayed);
  }

  /** The next dead letter; undefined if none are left. */
  async #next(): Promise<ConsumeMessage | undefined> {
    for (;;) {
      this.#over.throwIfAborted();
      const message = this.#inbox.shift();
      if (message !== undefined) return message;
      const isOver = !(await this.#arrives()) && (await this.#count()) === 0;
      if (isOver && this.#inbox.length === 0) return undefined;
    }
  }

  /** Waits for a dead letter or the end of the sweep; returns whether either came in time. */
  async #arrives(): Promise<boolean> {
    let wake: () => void = () => undefined;
    const arrival = new Promise<void>((resolve) => (wake = this.#onArrival = resolve));
    this.#over.addEventListener('abort', wake);
    try {
      return await settlesWithin(timeLimit, arrival);
    } finally {
      this.#over.removeEventListener('abort', wake);
    }
  }

  async #consume(prefetch: number): Promise<void> {
    const unsettled = new Set<number>();
    const onMessage = (message: ConsumeMessage | null) => {
      if (message === null) return this.#ended.abort(this.#unavailable(new Error('the queue was deleted')));
      unsettled.add(message.fields.deliveryTag);
      this.#inbox.push(message);
      this.#onArrival();
    };
    this.#unsettled.push(unsettled);
    await this.#request('read', this.#channel.prefetch(prefetch));
    this.#tag = await this.#request('read', this.#channel.consume(this.#settings.queue, onMessage));
  }

  async #endWindow(): Promise<void> {
    if (this.#tag === undefined) return;
    await this.#request('stop reading', this.#channel.cancel(this.#tag));
    this.#tag = undefined;
    for (const deliveryTag of this.#done) {
      this.#unsettled.at(-1)?.delete(deliveryTag);
      this.#channel.ack(at(deliveryTag));
    }
    this.#done = [];
  }

  async #giveBack(): Promise<void> {
    await Promise.all(this.#replays);
    // On a closed channel the broker has requeued them.
    if (this.#ended.signal.aborted || this.#settings.connection.lost.aborted) return;
    await this.#endWindow();
    const kept = this.#unsettled.filter(({ size }) => size > 0);
    let areShown = true;
    for (let i = 0; i < kept.length; i += windowsAtOnce) {
      const group = kept.slice(i, i + windowsAtOnce);
      const before = await this.#count();
      // Requeues a whole window up to its last tag; earlier windows have been requeued already.
      for (const tags of group) this.#channel.requeue(at(Math.max(...tags)), true);
      // Another consumer may receive them at once: then their order no longer matters.
      areShown &&= await this.#areThere(group.reduce((sum, { size }) => sum + size, before));
    }
    await this.#channel.close();
  }

  /** A quorum queue counts requeued messages slightly later. */
  async #areThere(count: number): Promise<boolean> {
    const end = performance.now() + showGrace;
    while ((await this.#count()) < count) {
      if (performance.now() > end) return false;
      await delay(5);
    }
    return true;
  }

  /** Number of dead letters that are not held by a consumer. */
  async #count(): Promise<number> {
    return (await this.#request('look up', this.#channel.checkQueue(this.#settings.queue))).messageCount;
  }

  async #request<T>(what: string, reply: Promise<T>): Promise<T> {
    const { queue } = this.#settings;
    try {
      return await reply;
    } catch (error) {
      if (error instanceof NephoscopeError) throw error;
      throw refusal(`${what} queue '${queue}'`, error as Error);
    }
  }

  #unavailable(cause: unknown): NephoscopeError {
    const { queue } = this.#settings;
    return new NephoscopeError('BUS_UNAVAILABLE', `queue '${queue}' can no longer be read`, { cause });
  }
}
