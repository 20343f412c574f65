import { NephoscopeError, describeError } from '@nephoscope/core';
import type { Clock, Delivery, Logger } from '@nephoscope/core';
import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib';

import { Backoff } from './backoff.js';
import type { Connection } from './open-connection.js';
import { settlesWithin, whenAborted } from './promises.js';

export interface ConsumerSettings {
  readonly queue: string;
  /** How many deliveries may be unsettled at once. */
  readonly prefetch: number;
  readonly handler: (delivery: Delivery) => void;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Makes sure that the queue is there, on this connection. */
  declare(model: ChannelModel): Promise<void>;
  deadLetter(message: ConsumeMessage, reason: string, body: Uint8Array): Promise<void>;
}

/** Consumes one queue on a channel of its own, again and again: on each connection, and when the queue vanished. */
export class Consumer {
  readonly #settings: ConsumerSettings;
  readonly #cancelled = new AbortController();
  #onFirst: (error?: Error) => void = () => undefined;
  /** How the first attempt to consume went. */
  readonly first: Promise<void>;
  #channel: Channel | undefined;
  #tag: string | undefined;
  #problem: string | undefined;

  constructor(settings: ConsumerSettings) {
    this.#settings = settings;
    this.first = new Promise((resolve, reject) => {
      this.#onFirst = (error) => (error === undefined ? resolve() : reject(error));
    });
    // Whoever is interested looks at it; nobody has to.
    this.first.catch(() => undefined);
  }

  /** Why nothing is consumed although there is a connection. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Consumes on this connection until it is lost or the consumer cancelled. Never rejects. */
  async run(connection: Connection): Promise<void> {
    const { queue, logger, clock } = this.#settings;
    const over = AbortSignal.any([connection.lost, this.#cancelled.signal]);
    const backoff = new Backoff(100, 30_000);
    while (!over.aborted) {
      let reason: unknown;
      try {
        const consuming = this.#consume(connection, () => {
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
    if (this.#tag !== undefined) await this.#channel?.cancel(this.#tag).catch(() => undefined);
  }

  /** Cancels, and closes the channel after everything that was settled on it is sent; waits at most `ms`. */
  async close(ms: number): Promise<void> {
    await settlesWithin(
      ms,
      this.cancel().then(() => this.#channel?.close()),
    );
  }

  /** Calls `onConsuming` when the broker has the consumer; resolves with the reason when it has ended. */
  async #consume({ model, lost }: Connection, onConsuming: () => void): Promise<Error> {
    const { queue, prefetch, declare } = this.#settings;
    await declare(model);
    const channel = await model.createChannel();
    const ended = new AbortController();
    channel.on('error', (error) => ended.abort(error));
    channel.on('close', () => ended.abort(lost.reason ?? new Error('the channel was closed')));
    await channel.prefetch(prefetch);
    const { consumerTag } = await channel.consume(queue, (message) => {
      if (message !== null) return this.#deliver(channel, ended.signal, message);
      ended.abort(new Error('the queue was deleted'));
      channel.close().catch(() => undefined);
    });
    this.#channel = channel;
    this.#tag = consumerTag;
    // Cancelled while this was under way.
    if (this.#cancelled.signal.aborted) await channel.cancel(consumerTag);
    onConsuming();
    return (await whenAborted(ended.signal)) as Error;
  }

  #deliver(channel: Channel, ended: AbortSignal, message: ConsumeMessage): void {
    const { handler, logger, queue, deadLetter } = this.#settings;
    let settled = false;
    // Once, and never on a channel that is gone: the broker has given the message to somebody else by then.
    const settle = (act: () => void) => {
      if (settled || ended.aborted) return;
      settled = true;
      act();
    };
    const delivery: Delivery = {
      body: message.content,
      contentType: message.properties.contentType as string | undefined,
      routingKey: message.fields.routingKey,
      redelivered: message.fields.redelivered,
      ack: () => settle(() => channel.ack(message)),
      requeue: () => settle(() => channel.nack(message, false, true)),
      deadLetter: (reason, body) => deadLetter(message, reason, body ?? message.content),
    };
    if (this.#cancelled.signal.aborted) return delivery.requeue();
    try {
      handler(delivery);
    } catch (error) {
      logger.error({ err: error, queue }, 'the handler of a message threw: the message goes back to the queue');
      delivery.requeue();
    }
  }
}
