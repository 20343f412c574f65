import { Backoff, NephoscopeError, describeError } from '@nephoscope/core';
import type { Clock, Logger } from '@nephoscope/core';
import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib';

import type { Connection } from './open-connection.js';
import { settlesWithin, whenAborted } from './promises.js';
import { Unsettled } from './unsettled.js';

/** Between two attempts to consume, ms. */
const longestPause = 30_000;

/** Without the broker's answer to the wish to consume for so long, ms, it counts as a failure. */
const patience = 10_000;

/** Settles a message, once; in vain when its channel is gone: the broker has given it to somebody else by then. */
export interface Settling {
  /** Its channel is gone. */
  isGone(): boolean;
  ack(): void;
  requeue(): void;
}

export interface ConsumerSettings {
  /** What it consumes, for the log. */
  readonly queue: string;
  /** How many deliveries may be unsettled at once; without it they need no settling. */
  readonly prefetch?: number;
  readonly handler: (message: ConsumeMessage, settling: Settling) => void;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Makes sure that the queue is there, on this connection; returns its name, or nothing while others must make it. */
  prepare(model: ChannelModel): Promise<string | undefined>;
}

/** Consumes one queue on a channel of its own, again and again: on each connection, and when the queue vanished. */
export class Consumer {
  readonly #settings: ConsumerSettings;
  readonly #cancelled = new AbortController();
  #onFirst: (error?: Error) => void = () => undefined;
  /** How the first attempt to consume went. */
  readonly first: Promise<void>;
  #onOver: () => void = () => undefined;
  /** Resolves when it is cancelled and all that was delivered is settled or gone. */
  readonly over: Promise<void>;
  #consuming: { readonly channel: Channel; readonly tag: string; readonly unsettled: Unsettled } | undefined;
  #problem: string | undefined;
  #waiting = false;
  /** Cancelled, and the broker knows. */
  #isDry = false;
  #closing: Promise<unknown> | undefined;

  constructor(settings: ConsumerSettings) {
    this.#settings = settings;
    this.first = new Promise((resolve, reject) => {
      this.#onFirst = (error) => (error === undefined ? resolve() : reject(error));
    });
    // Whoever is interested looks at it; nobody has to.
    this.first.catch(() => undefined);
    this.over = new Promise((resolve) => (this.#onOver = resolve));
  }

  /** Why nothing is consumed although there is a connection. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Consumes on this connection until it is lost or the consumer cancelled. Never rejects. */
  async run(connection: Connection): Promise<void> {
    const { queue, logger, clock } = this.#settings;
    const over = AbortSignal.any([connection.lost, this.#cancelled.signal]);
    const backoff = new Backoff(100, longestPause);
    while (!over.aborted) {
      let reason: unknown;
      try {
        const name = await this.#settings.prepare(connection.model);
        this.#tellWhether(name === undefined);
        if (name === undefined) {
          await clock.sleep(backoff.next(), over).catch(() => undefined);
          continue;
        }
        if (over.aborted) break;
        const consuming = this.#consume(connection, name, () => {
          this.#onFirst();
          backoff.reset();
          this.#problem = undefined;
        });
        reason = await Promise.race([consuming, whenAborted(over)]);
      } catch (error) {
        if (!connection.lost.aborted) this.#onFirst(error as Error);
        reason = error;
      }
      if (over.aborted) break;
      this.#problem = `queue '${queue}' is not consumed: ${describeError(reason)}`;
      const pause = backoff.next();
      logger.warn({ err: reason, queue, retryInMs: pause }, 'consuming was interrupted');
      await clock.sleep(pause, over).catch(() => undefined);
    }
    this.#problem = undefined;
  }

  /** Takes no more deliveries. What was delivered can still be settled, until `close`. */
  async cancel(): Promise<void> {
    if (this.#cancelled.signal.aborted) return;
    this.#cancelled.abort(new NephoscopeError('BUS_UNAVAILABLE', 'the subscription was cancelled'));
    this.#onFirst(this.#cancelled.signal.reason as Error);
    // With its channel gone there is nothing to cancel: no delivery can come.
    if (this.#consuming !== undefined)
      await this.#consuming.channel.cancel(this.#consuming.tag).catch(() => undefined);
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
    void this.#closeChannel();
    this.#onOver();
  }

  #closeChannel(): Promise<unknown> {
    const consuming = this.#consuming;
    if (consuming === undefined) return Promise.resolve();
    if (this.#closing !== undefined) return this.#closing;
    consuming.unsettled.flush();
    // Its last acknowledgement may have closed it by now.
    return (this.#closing ??= consuming.channel.close().catch(() => undefined));
  }

  /** Waiting for a queue that others make is no failure. */
  #tellWhether(waiting: boolean): void {
    const { queue, logger } = this.#settings;
    if (waiting) {
      this.#onFirst();
      this.#problem = undefined;
      if (!this.#waiting) logger.warn({ queue }, `queue '${queue}' is not there yet, waiting`);
    } else if (this.#waiting) {
      logger.info({ queue }, `queue '${queue}' is there`);
    }
    this.#waiting = waiting;
  }

  /** Calls `onConsuming` when the broker has the consumer; resolves with the reason when it has ended. */
  async #consume({ model, lost }: Connection, queue: string, onConsuming: () => void): Promise<Error> {
    const { prefetch } = this.#settings;
    const channel = await model.createChannel();
    const ended = new AbortController();
    const unsettled = new Unsettled(channel, () => this.#endWhenSettled());
    channel.on('error', (error) => ended.abort(error));
    channel.on('close', () => ended.abort(lost.reason ?? new Error('the channel was closed')));
    ended.signal.addEventListener('abort', () => {
      unsettled.forget();
      this.#consuming = undefined;
      this.#endWhenSettled();
    });
    if (prefetch !== undefined) await channel.prefetch(prefetch);
    const onMessage = (message: ConsumeMessage | null) => {
      if (message !== null) return this.#deliver(message, unsettled, ended.signal);
      ended.abort(new Error('the queue was deleted'));
      channel.close().catch(() => undefined);
    };
    const { consumerTag } = await this.#watched(
      channel.consume(queue, onMessage, { noAck: prefetch === undefined }),
    );
    if (!ended.signal.aborted) this.#consuming = { channel, tag: consumerTag, unsettled };
    // Cancelled while this was under way.
    if (this.#cancelled.signal.aborted) {
      await channel.cancel(consumerTag);
      this.#endWhenSettled();
    }
    onConsuming();
    return (await whenAborted(ended.signal)) as Error;
  }

  /** RabbitMQ leaves the wish to consume a quorum queue unanswered for as long as the queue has no leader. */
  async #watched<T>(answer: Promise<T>): Promise<T> {
    const { queue, logger } = this.#settings;
    const timer = setTimeout(() => {
      this.#problem =
        `queue '${queue}' is not consumed: RabbitMQ does not answer; has the queue a leader? ` +
        `See \`rabbitmq-queues quorum_status ${queue}\``;
      logger.warn({ queue }, this.#problem);
    }, patience);
    try {
      return await answer;
    } finally {
      clearTimeout(timer);
    }
  }

  #deliver(message: ConsumeMessage, unsettled: Unsettled, ended: AbortSignal): void {
    const { handler, logger, queue, prefetch } = this.#settings;
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
      const then = prefetch === undefined ? 'the message is lost' : 'the message goes back to the queue';
      logger.error({ err: error, queue }, `the handler of a message threw: ${then}`);
      settling.requeue();
    }
  }
}
