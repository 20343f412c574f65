import { Backoff } from '@nephoscope/async';
import { NephoscopeError, describeError } from '@nephoscope/core';
import type { Clock, Logger } from '@nephoscope/core';

import type { BrokerChannel, ConsumeMessage } from './broker-channel.js';
import type { Connection } from './open-connection.js';
import { settlesWithin, whenAborted } from './promises.js';
import { Unsettled } from './unsettled.js';

/** Pause between attempts to consume, ms. */
const longestPause = 30_000;

/**
 * After this long without an answer to `basic.consume`, ms, a warning is logged. RabbitMQ does not answer while a
 * quorum queue has no leader; after the second timeout another connection is tried, which may lead to another node.
 */
const timeLimit = 10_000;
const longestWait = 60_000;

/** Time for the broker to stop delivering, ms; later deliveries are returned at once. */
const cancelGrace = 1_000;

/**
 * How long a channel stays open after its last settlement, ms: otherwise a quorum queue would discard the unprocessed
 * rest of more than 32 acknowledgements with the channel, and deliver those messages again.
 */
const workingOff = 1_000;

/** Settles a message, once. Without effect if its channel is closed: the broker then delivers the message again. */
export interface Settling {
  /** Its channel is closed. */
  isGone(): boolean;
  ack(): void;
  requeue(): void;
}

export interface ConsumerSettings {
  /** What it consumes, for the log. */
  readonly queue: string;
  /**
   * Maximum number of unsettled deliveries (prefetch); undefined if deliveries need no settling and are not limited.
   */
  readonly prefetch?: number;
  readonly handler: (message: ConsumeMessage, settling: Settling) => void;
  readonly logger: Logger;
  readonly clock: Clock;
  /**
   * Ensures on this connection that the queue exists; returns its name, or undefined while a service has yet to declare
   * it.
   */
  prepare(connection: Connection): Promise<string | undefined>;
}

/** Consumes one queue on a separate channel, and resumes on each new connection and after the queue was deleted. */
export class Consumer {
  readonly #settings: ConsumerSettings;
  readonly #cancelled = new AbortController();
  #onFirst: (error?: Error) => void = () => undefined;
  /** The outcome of the first attempt to consume. */
  readonly first: Promise<void>;
  #onOver: () => void = () => undefined;
  /** Resolves when it is cancelled and all deliveries are settled or lost. */
  readonly over: Promise<void>;
  #consuming: { readonly channel: BrokerChannel; readonly tag: string; readonly unsettled: Unsettled } | undefined;
  /** Why nothing is consumed, including cases that may not be failures. */
  #problem: string | undefined = 'it has not been requested yet';
  #waiting = false;
  #connection: Connection | undefined;
  /** Cancelled and confirmed by the broker. */
  #isDry = false;
  #closing: Promise<unknown> | undefined;

  constructor(settings: ConsumerSettings) {
    this.#settings = settings;
    this.first = new Promise((resolve, reject) => {
      this.#onFirst = (error) => (error === undefined ? resolve() : reject(error));
    });
    // Handling the rejection is optional.
    this.first.catch(() => undefined);
    this.over = new Promise((resolve) => (this.#onOver = resolve));
  }

  /** Why nothing is consumed; undefined while consuming or waiting for a queue that a service declares. */
  get problem(): string | undefined {
    if (this.#cancelled.signal.aborted || this.#consuming !== undefined || this.#waiting) return undefined;
    return `queue '${this.#settings.queue}' is not consumed: ${this.#problem}`;
  }

  /** Consumes on this connection until it is lost or the consumer cancelled. Never rejects. */
  async run(connection: Connection): Promise<void> {
    this.#connection = connection;
    await this.#run(connection);
    // Requests on it may take a moment to end; by then the next connection may be open.
    if (this.#connection !== connection) return;
    this.#waiting = false;
    this.#problem = 'the connection was lost';
  }

  async #run(connection: Connection): Promise<void> {
    const { queue, logger, clock } = this.#settings;
    const over = AbortSignal.any([connection.lost, this.#cancelled.signal]);
    const backoff = new Backoff(100, longestPause);
    while (!over.aborted) {
      let reason: unknown;
      this.#problem = 'RabbitMQ was asked whether the queue exists';
      try {
        const name = await this.#settings.prepare(connection);
        if (over.aborted) break;
        this.#logWaiting(name === undefined);
        if (name === undefined) {
          await clock.sleep(backoff.next(), over).catch(() => undefined);
          continue;
        }
        this.#problem = 'RabbitMQ was asked to deliver';
        const consuming = this.#consume(connection, name, () => {
          this.#onFirst();
          backoff.reset();
        });
        reason = await Promise.race([consuming, whenAborted(over)]);
      } catch (error) {
        if (!connection.lost.aborted) this.#onFirst(error as Error);
        reason = error;
      }
      if (over.aborted) break;
      this.#problem = describeError(reason);
      const pause = backoff.next();
      logger.warn({ err: reason, queue, retryInMs: pause }, 'consuming was interrupted');
      await clock.sleep(pause, over).catch(() => undefined);
    }
  }

  /** Accepts no more deliveries. Earlier ones can be settled until `close`. */
  async cancel(): Promise<void> {
    if (this.#cancelled.signal.aborted) return;
    this.#cancelled.abort(new NephoscopeError('BUS_UNAVAILABLE', 'the subscription was cancelled'));
    this.#onFirst(this.#cancelled.signal.reason as Error);
    // On a closed channel there is nothing to cancel.
    if (this.#consuming !== undefined)
      await settlesWithin(cancelGrace, this.#consuming.channel.cancel(this.#consuming.tag));
    this.#isDry = true;
    this.#endWhenSettled();
  }

  /** Cancels, and closes the channel after everything that was settled on it is sent; waits at most `ms`. */
  async close(ms: number): Promise<void> {
    await settlesWithin(
      ms,
      this.cancel().then(() => this.#closeChannel()),
    );
  }

  #endWhenSettled(): void {
    if (!this.#isDry || this.#consuming?.unsettled.isEmpty === false) return;
    const end = () => {
      void this.#closeChannel();
      this.#onOver();
    };
    if (this.#consuming === undefined) end();
    else setTimeout(end, workingOff).unref();
  }

  #closeChannel(): Promise<unknown> {
    const consuming = this.#consuming;
    if (consuming === undefined) return Promise.resolve();
    if (this.#closing !== undefined) return this.#closing;
    consuming.unsettled.flush();
    // Its last acknowledgement may have closed it by now.
    return (this.#closing ??= consuming.channel.close());
  }

  /** Waiting for a queue that a service declares is not a failure. */
  #logWaiting(waiting: boolean): void {
    const { queue, logger } = this.#settings;
    if (waiting) {
      this.#onFirst();
      if (!this.#waiting) logger.warn({ queue }, `queue '${queue}' does not exist yet, waiting`);
    } else if (this.#waiting) {
      logger.info({ queue }, `queue '${queue}' is there`);
    }
    this.#waiting = waiting;
  }

  /** Calls `onConsuming` when the broker has the consumer; resolves with the reason when it has ended. */
  async #consume(connection: Connection, queue: string, onConsuming: () => void): Promise<unknown> {
    const { prefetch } = this.#settings;
    const channel = await connection.openChannel();
    const deleted = new AbortController();
    const ended = AbortSignal.any([channel.ended, deleted.signal]);
    const unsettled = new Unsettled(channel, () => this.#endWhenSettled());
    ended.addEventListener('abort', () => {
      unsettled.forget();
      this.#consuming = undefined;
      this.#endWhenSettled();
    });
    const noAck = prefetch === undefined;
    if (!noAck) await channel.prefetch(prefetch);
    const onMessage = (message: ConsumeMessage | null) => {
      if (message !== null) return this.#deliver(message, unsettled, ended);
      deleted.abort(new Error('the queue was deleted'));
      void channel.close();
    };
    const tag = await this.#watched(channel.consume(queue, onMessage, { noAck, within: longestWait }));
    if (!ended.aborted) this.#consuming = { channel, tag, unsettled };
    // Cancelled in the meantime.
    if (this.#cancelled.signal.aborted) {
      await channel.cancel(tag);
      this.#endWhenSettled();
    }
    onConsuming();
    return whenAborted(ended);
  }

  async #watched<T>(answer: Promise<T>): Promise<T> {
    const { queue, logger } = this.#settings;
    const timer = setTimeout(() => {
      this.#problem = `RabbitMQ does not answer; does the queue have a leader? See \`rabbitmq-queues quorum_status ${queue}\``;
      logger.warn({ queue }, `queue '${queue}' is not consumed: ${this.#problem}`);
    }, timeLimit);
    try {
      return await answer;
    } finally {
      clearTimeout(timer);
    }
  }

  #deliver(message: ConsumeMessage, unsettled: Unsettled, ended: AbortSignal): void {
    const { handler, logger, prefetch, queue } = this.#settings;
    const { deliveryTag } = message.fields;
    let settled = prefetch === undefined;
    if (!settled) unsettled.add(deliveryTag);
    const settle = (act: () => void) => {
      if (settled || isGone()) return;
      settled = true;
      act();
    };
    const isGone = () => this.#closing !== undefined || ended.aborted;
    const settling: Settling = {
      isGone,
      ack: () => settle(() => unsettled.ack(deliveryTag)),
      requeue: () => settle(() => unsettled.requeue(deliveryTag)),
    };
    if (this.#cancelled.signal.aborted) return settling.requeue();
    try {
      handler(message, settling);
    } catch (error) {
      const then = settled ? 'the message is lost' : 'the message goes back to the queue';
      logger.error({ err: error, queue }, `the handler of a message threw: ${then}`);
      settling.requeue();
    }
  }
}
