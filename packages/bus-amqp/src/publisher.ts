import { NephoscopeError, describeError } from '@nephoscope/core';
import type { Clock, Health } from '@nephoscope/core';
import { randomBytes } from 'node:crypto';

import type { PublishingChannel } from './broker-channel.js';
import { settlesWithin } from './promises.js';
import { Refusals, now } from './refusals.js';
import { longestName } from './sendable-headers.js';

export interface Outgoing {
  readonly exchange: string;
  readonly routingKey: string;
  readonly contentType: string | undefined;
  readonly body: Uint8Array;
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly isTransient?: boolean | undefined;
}

interface Pending {
  readonly message: Outgoing;
  readonly id: string;
  readonly timer: NodeJS.Timeout;
  settled: boolean;
  settle(error?: NephoscopeError): void;
}

/**
 * Publishes with one promise per message: resolved by the broker's confirmation, rejected when it was returned,
 * refused, not confirmed in time, or when the channel closes. Many may be in flight. While the broker or the socket is
 * blocked, messages wait here, in order.
 */
export class Publisher {
  readonly #confirmTimeout: number;
  readonly #clock: Clock;
  readonly #refusals: Refusals;
  readonly #idPrefix = `${randomBytes(6).toString('hex')}-`;
  #count = 0;
  #channel: PublishingChannel | undefined;
  #away = new NephoscopeError('BUS_UNAVAILABLE', 'not connected to RabbitMQ yet');
  #bufferFull = false;
  #openChannel: () => Promise<PublishingChannel> = () => Promise.reject(this.#away);
  #isRenewing = false;
  #blocked: { readonly reason: string; readonly since: string } | undefined;
  #late: string | undefined;
  /** Sent or waiting, by message id, in order. */
  readonly #pending = new Map<string, Pending>();
  #waiting: Pending[] = [];
  #onIdle: (() => void) | undefined;

  /** @param confirmTimeout ms */
  constructor(confirmTimeout: number, clock: Clock) {
    this.#confirmTimeout = confirmTimeout;
    this.#clock = clock;
    this.#refusals = new Refusals(clock);
  }

  /** Publishes on a channel of a new connection from now on, until that is lost. */
  async attach(openChannel: () => Promise<PublishingChannel>): Promise<void> {
    const channel = await openChannel();
    // Lost meanwhile, which is already logged.
    if (channel.ended.aborted) return;
    this.#openChannel = openChannel;
    this.#blocked = undefined;
    this.#late = undefined;
    this.#refusals.doubt();
    this.#use(channel);
  }

  #use(channel: PublishingChannel): void {
    this.#channel = channel;
    this.#bufferFull = false;
    channel.onReturn(({ properties, fields }) => {
      const { exchange, routingKey } = fields;
      this.#pending
        .get(String(properties.messageId))
        ?.settle(
          unroutable(
            `exchange '${exchange}' has no queue for the routing key '${routingKey}': declare and bind one`,
          ),
        );
    });
    channel.onDrain(() => {
      if (channel !== this.#channel) return;
      this.#bufferFull = false;
      this.#send();
    });
  }

  /**
   * Continues with another channel: RabbitMQ records per channel that a queue refuses messages, and does not always
   * notify the channel when that ends. Never rejects.
   */
  async #renew(): Promise<void> {
    const old = this.#channel;
    if (this.#isRenewing || old === undefined) return;
    this.#isRenewing = true;
    try {
      const channel = await this.#openChannel();
      if (this.#channel !== old) return;
      this.#use(channel);
      this.#send();
      void old.retire(this.#confirmTimeout);
    } catch {
      // The connection is lost; otherwise the next refusal requests a channel again.
    } finally {
      this.#isRenewing = false;
    }
  }

  /** Rejects all unconfirmed messages and, until the next channel, all new ones. */
  detach(reason: NephoscopeError): void {
    this.#channel = undefined;
    this.#away = reason;
    this.#waiting = [];
    // They are unconfirmed because of the alarm, however the connection ended.
    const why =
      this.#blocked === undefined
        ? reason
        : new NephoscopeError('BUS_UNAVAILABLE', blockedText(this.#blocked), { cause: reason });
    for (const pending of [...this.#pending.values()]) {
      const { exchange } = pending.message;
      const missing = describeError(reason).includes(`no exchange '${exchange}'`);
      pending.settle(missing ? unroutable(`there is no exchange '${exchange}': declare it`) : why);
    }
  }

  /** The broker blocked or unblocked publishing. Earlier refusals no longer count. */
  block(reason: string | undefined): void {
    this.#late = undefined;
    this.#refusals.doubt();
    this.#blocked = reason === undefined ? undefined : { reason, since: this.#blocked?.since ?? now(this.#clock) };
    this.#send();
  }

  publish(message: Outgoing): Promise<void> {
    if (this.#channel === undefined) return Promise.reject(this.#away);
    if (this.#blocked === undefined && this.#refusals.callForChannel()) void this.#renew();
    if (Buffer.byteLength(message.routingKey) > longestName) {
      return Promise.reject(
        unroutable(`a routing key has at most ${longestName} bytes: '${message.routingKey.slice(0, 60)}…'`),
      );
    }
    return new Promise((resolve, reject) => {
      const id = this.#idPrefix + String(++this.#count);
      const pending: Pending = {
        message,
        id,
        timer: setTimeout(() => pending.settle(this.#overdue()), this.#confirmTimeout),
        settled: false,
        settle: (error) => {
          if (pending.settled) return;
          pending.settled = true;
          clearTimeout(pending.timer);
          this.#pending.delete(id);
          if (this.#pending.size === 0) this.#onIdle?.();
          if (error === undefined) resolve();
          else reject(error);
        },
      };
      this.#pending.set(id, pending);
      this.#waiting.push(pending);
      this.#send();
    });
  }

  /** Resolves when nothing is in flight any more, or after `ms`. */
  async idle(ms: number): Promise<void> {
    if (this.#pending.size === 0) return;
    await settlesWithin(ms, new Promise<void>((resolve) => (this.#onIdle = resolve)));
  }

  health(): Health {
    if (this.#channel === undefined) return { ok: false, reason: this.#away.message };
    if (this.#blocked !== undefined) return { ok: false, reason: blockedText(this.#blocked) };
    if (this.#late !== undefined) return { ok: false, reason: this.#late };
    return this.#refusals.health();
  }

  #send(): void {
    let sent = 0;
    while (
      this.#channel !== undefined &&
      !this.#bufferFull &&
      this.#blocked === undefined &&
      sent < this.#waiting.length
    ) {
      const pending = this.#waiting[sent++]!;
      if (!pending.settled) this.#bufferFull = !this.#sendNow(this.#channel, pending);
    }
    if (sent > 0) this.#waiting.splice(0, sent);
  }

  /** @returns whether the channel accepts more */
  #sendNow(channel: PublishingChannel, { message, id, settle }: Pending): boolean {
    const { exchange, routingKey, contentType, body, headers, isTransient = false } = message;
    const target = exchange === '' ? `queue '${routingKey}'` : `exchange '${exchange}'`;
    const options = {
      persistent: !isTransient,
      mandatory: true,
      messageId: id,
      ...(contentType !== undefined && { contentType }),
      ...(headers && { headers }),
    };
    const onConfirm = (error: Error | null) => {
      if (error === null) {
        this.#late = undefined;
        this.#refusals.taken(target);
        settle();
      } else if (error.message === 'message nacked') {
        this.#late = undefined;
        const why = isTransient ? `the queue for '${routingKey}' is full` : this.#refusals.refused(target);
        settle(new NephoscopeError('BUS_UNAVAILABLE', why, { cause: error }));
      }
      // Otherwise the channel is closed, and `detach` receives the reason.
    };
    try {
      return channel.publish(exchange, routingKey, asBuffer(body), options, onConfirm);
    } catch (error) {
      settle(error as NephoscopeError);
      return true;
    }
  }

  #overdue(): NephoscopeError {
    const why =
      this.#blocked !== undefined
        ? blockedText(this.#blocked)
        : `RabbitMQ confirmed nothing within ${this.#confirmTimeout / 1_000} s`;
    if (this.#blocked === undefined) this.#late = why;
    return new NephoscopeError('BUS_UNAVAILABLE', `${why}; the message may still arrive`);
  }
}

function blockedText({ reason, since }: { readonly reason: string; readonly since: string }): string {
  return `RabbitMQ has blocked publishers since ${since} (${reason}): free memory or disk space on its host`;
}

function unroutable(text: string): NephoscopeError {
  return new NephoscopeError('BUS_UNROUTABLE', text);
}

/** The same bytes, not a copy. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
