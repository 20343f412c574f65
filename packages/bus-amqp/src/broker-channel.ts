import { NephoscopeError } from '@nephoscope/core';
import type { Channel, ConfirmChannel, ConsumeMessage, Message, Options } from 'amqplib/callback_api';

import { settlesWithin, whenAborted } from './promises.js';
import type { Answer, Requester } from './requester.js';

export type { ConsumeMessage, Message } from 'amqplib/callback_api';

/** A queue as described by the broker. */
interface QueueState {
  readonly queue: string;
  readonly messageCount: number;
}

/**
 * A channel as the rest of this package sees it: the library's own is out of reach, so that every request goes through
 * {@link Requester.ask}, and ends with the channel, the connection or its timeout. Calls without an answer have no
 * effect on a closed channel, except publishing, which throws.
 */
export class BrokerChannel<C extends Channel = Channel> {
  readonly #connection: Requester;
  readonly #channel: C;
  readonly #ended = new AbortController();
  #isClosing = false;

  constructor(connection: Requester, channel: C) {
    this.#connection = connection;
    this.#channel = channel;
    const end = (reason: unknown) => this.#end(reason);
    const onLost = () => end(connection.lost.reason);
    connection.lost.addEventListener('abort', onLost, { once: true });
    this.ended.addEventListener('abort', () => connection.lost.removeEventListener('abort', onLost));
    // The refusal of a request arrives twice, as this event and by the request.
    channel.on('error', end);
    channel.on('close', () => end(connection.lost.reason ?? new Error('the channel was closed')));
  }

  protected get raw(): C {
    return this.#channel;
  }

  /** Aborted when the channel is closed, with the reason. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  assertExchange(exchange: string, type: string, options: Options.AssertExchange): Promise<unknown> {
    return this.#ask(`declaring exchange '${exchange}'`, (answer) =>
      this.#channel.assertExchange(exchange, type, options, answer),
    );
  }

  checkExchange(exchange: string): Promise<unknown> {
    return this.#ask(`looking up exchange '${exchange}'`, (answer) =>
      this.#channel.checkExchange(exchange, answer),
    );
  }

  assertQueue(queue: string, options: Options.AssertQueue): Promise<QueueState> {
    return this.#ask(`declaring queue '${queue}'`, (answer) => this.#channel.assertQueue(queue, options, answer));
  }

  checkQueue(queue: string): Promise<QueueState> {
    return this.#ask(`looking up queue '${queue}'`, (answer) => this.#channel.checkQueue(queue, answer));
  }

  deleteQueue(queue: string): Promise<unknown> {
    return this.#ask(`deleting queue '${queue}'`, (answer) => this.#channel.deleteQueue(queue, {}, answer));
  }

  bindQueue(queue: string, exchange: string, pattern: string): Promise<unknown> {
    return this.#ask(`binding queue '${queue}' to exchange '${exchange}'`, (answer) =>
      this.#channel.bindQueue(queue, exchange, pattern, {}, answer),
    );
  }

  prefetch(count: number): Promise<unknown> {
    return this.#ask('a prefetch', (answer) => this.#channel.prefetch(count, false, answer));
  }

  /**
   * @param onMessage gets null when the queue was deleted
   * @param noAck deliveries need no settling
   * @param within how long the broker may take, ms
   * @returns the tag for cancelling it
   */
  async consume(
    queue: string,
    onMessage: (message: ConsumeMessage | null) => void,
    { noAck = false, within }: { readonly noAck?: boolean; readonly within?: number } = {},
  ): Promise<string> {
    const { consumerTag } = await this.#ask<{ readonly consumerTag: string }>(
      `consuming queue '${queue}'`,
      (answer) => this.#channel.consume(queue, onMessage, { noAck }, answer),
      within,
    );
    return consumerTag;
  }

  cancel(consumerTag: string): Promise<unknown> {
    return this.#ask('cancelling a consumer', (answer) => this.#channel.cancel(consumerTag, answer));
  }

  ack(message: Message, allUpTo = false): void {
    if (!this.#isOver) this.#channel.ack(message, allUpTo);
  }

  requeue(message: Message, allUpTo = false): void {
    if (!this.#isOver) this.#channel.nack(message, allUpTo, true);
  }

  /** Closing was requested. */
  get isClosing(): boolean {
    return this.#isClosing;
  }

  /** Resolves when it is closed, for whatever reason. Never rejects. */
  async close(): Promise<void> {
    if (this.#isOver) return;
    this.#isClosing = true;
    try {
      await this.#ask<void>('closing a channel', (answer) => this.#channel.close(answer as () => void));
    } catch {
      // Already closed.
    }
  }

  get #isOver(): boolean {
    return this.#isClosing || this.ended.aborted;
  }

  #ask<T>(what: string, request: (answer: Answer<T>) => void, within?: number): Promise<T> {
    return this.#connection.ask(what, request, this.ended, within);
  }

  #end(reason: unknown): void {
    if (!this.ended.aborted) this.#ended.abort(reason);
  }
}

/** A channel with publisher confirms. */
export class PublishingChannel extends BrokerChannel<ConfirmChannel> {
  /**
   * @param onConfirm gets null when the broker has stored the message, and an error if it refused it or the channel
   *   closed
   * @returns false when the socket's buffer is full; `onDrain` is called when it has room again
   * @throws BUS_UNAVAILABLE if the channel is closed
   */
  publish(
    exchange: string,
    routingKey: string,
    body: Buffer,
    options: Options.Publish,
    onConfirm: (error: Error | null) => void,
  ): boolean {
    try {
      return this.raw.publish(exchange, routingKey, body, options, onConfirm);
    } catch (error) {
      const text = `a message for exchange '${exchange}' could not be sent`;
      throw new NephoscopeError('BUS_UNAVAILABLE', text, { cause: this.ended.reason ?? error });
    }
  }

  /** Called with a mandatory message that no queue received. */
  onReturn(listener: (message: Message) => void): void {
    this.raw.on('return', listener);
  }

  onDrain(listener: () => void): void {
    this.raw.on('drain', listener);
  }

  /** Closes it when everything published on it is confirmed, or after `ms`. Never rejects. */
  async retire(ms: number): Promise<void> {
    const confirmed = new Promise<void>((resolve) => this.raw.waitForConfirms(() => resolve()));
    await settlesWithin(ms, Promise.race([confirmed, whenAborted(this.ended)]));
    await this.close();
  }
}
