import { NephoscopeError } from '@nephoscope/core';
import type { Clock, Logger } from '@nephoscope/core';
import type { Leadership } from '@nephoscope/core/message-bus';
import { randomUUID } from 'node:crypto';

import type { ConsumeMessage, PublishingChannel } from './broker-channel.js';
import type { Connection } from './open-connection.js';
import { settlesWithin } from './promises.js';
import { insist } from './topology.js';

/**
 * How often a holder rewrites its note and a waiting program repeats its request, ms. Far below RabbitMQ's
 * `consumer_timeout` (30 minutes), which closes the channel of a message that stays unsettled; and a token that was
 * purged, or expired by a policy, is replaced.
 */
const beat = 60_000;

/** How long `release` waits for a note being written, and for the broker to close the channel, ms. */
const writeGrace = 1_000;
const closeGrace = 500;

export interface LockSettings {
  readonly name: string;
  /** ms */
  readonly confirmTimeout: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A message of the lock's queue. Its count orders the notes; a request without a note has 0. */
interface Token {
  readonly message: ConsumeMessage;
  readonly count: number;
}

const nothing = Buffer.alloc(0);

/**
 * Makes RabbitMQ write to disk that this new queue exists. It answers when Mnesia's log has the creation on disk, but
 * the commit record may follow up to two seconds later; a broker that dies in between loses the queue with everything
 * it had confirmed. The next change of a durable object flushes that record: here the creation of another queue,
 * which is deleted with its connection.
 */
function settleName(connection: Connection, queue: string): Promise<void> {
  const passing = `${queue}.${randomUUID()}`;
  return insist(connection, `declare and delete queue '${passing}'`, async (channel) => {
    await channel.assertQueue(passing, { durable: true, exclusive: true });
    await channel.deleteQueue(passing);
  });
}

/**
 * One channel's place in the queue for a lock, and the lock itself once it is granted.
 *
 * RabbitMQ delivers from a queue with `x-single-active-consumer` to one consumer until its channel is gone. Receiving
 * a delivery means holding the lock, so every program that requests it publishes a message; more than one does no
 * harm. A holder has at least one message unsettled: when the holder dies, it is requeued and delivered to the next.
 *
 * A note is written as a new message, and the old one is settled when the new one is confirmed; a death in between
 * leaves both, and the higher count is the newer. The next holder publishes a message of its own and waits until that
 * arrives: everything that the previous holder wrote is ahead of it, because it reached the queue before the end of
 * that channel did. For the same reason a program that lost the lock without noticing cannot write: notes are sent on
 * the channel that holds the lock.
 */
export class Lock implements Leadership {
  readonly #settings: LockSettings;
  readonly #queue: string;
  readonly #channel: PublishingChannel;
  readonly #lost = new AbortController();
  /** Resolves when the lock is granted to this channel. */
  readonly granted: Promise<void>;
  #onGranted: () => void = () => undefined;
  /** Delivered, not settled. */
  #tokens: Token[] = [];
  /** The highest count seen or written, and the highest that the broker has confirmed. */
  #count = 0;
  #confirmed = 0;
  #probe: { readonly id: string; readonly arrived: () => void } | undefined;
  #found: Uint8Array = nothing;
  #current: Uint8Array = nothing;
  #isHeld = false;
  #writing: Promise<void> = Promise.resolve();
  #closing: Promise<unknown> | undefined;

  /**
   * Requests the lock on this connection.
   *
   * @throws BUS_TOPOLOGY when a queue of that name exists and is not a lock; BUS_UNAVAILABLE
   */
  static async ask(connection: Connection, settings: LockSettings): Promise<Lock> {
    const queue = `${settings.name}.lock`;
    await insist(connection, `declare queue '${queue}' as a lock`, (channel) =>
      channel.assertQueue(queue, { durable: true, arguments: { 'x-single-active-consumer': true } }),
    );
    await settleName(connection, queue);
    const lock = new Lock(settings, queue, await connection.openPublishingChannel());
    try {
      await lock.#ask();
    } catch (error) {
      lock.#lose(error);
      throw error;
    }
    return lock;
  }

  private constructor(settings: LockSettings, queue: string, channel: PublishingChannel) {
    this.#settings = settings;
    this.#queue = queue;
    this.#channel = channel;
    this.granted = new Promise((resolve, reject) => {
      this.#onGranted = resolve;
      this.lost.addEventListener('abort', () => reject(this.lost.reason as Error), { once: true });
    });
    // Handled by the waiting caller.
    this.granted.catch(() => undefined);
    const { ended } = channel;
    if (ended.aborted) this.#lose(ended.reason);
    ended.addEventListener('abort', () => this.#lose(ended.reason));
    channel.onReturn(() => this.#lose(new Error('the queue was deleted')));
  }

  get note(): Uint8Array {
    return this.#found;
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  saveNote(note: Uint8Array): Promise<void> {
    const copy = Buffer.from(note);
    return this.#inTurn(() => this.#write((this.#current = copy)));
  }

  async release(): Promise<void> {
    if (!this.lost.aborted) await settlesWithin(writeGrace, this.#writing);
    this.#lose(new Error('it was given up'));
    if (this.#closing !== undefined) await settlesWithin(closeGrace, this.#closing);
  }

  async #ask(): Promise<void> {
    // Without a prefetch limit, because all messages left by earlier holders must arrive.
    await this.#channel.consume(this.#queue, (message) => {
      if (message === null) this.#lose(new Error('the queue was deleted'));
      else this.#receive(message);
    });
    await this.#publish(0, nothing);
    void this.#keepUp();
  }

  #receive(message: ConsumeMessage): void {
    if (this.lost.aborted) return;
    const count: unknown = message.properties.headers?.['x-count'];
    const token = { message, count: typeof count === 'number' ? count : 0 };
    this.#tokens.push(token);
    this.#count = Math.max(this.#count, token.count);
    if (this.#probe === undefined) this.#takeOver().catch((error: unknown) => this.#lose(error));
    else if (message.properties.messageId === this.#probe.id) this.#probe.arrived();
    this.#settle();
  }

  async #takeOver(): Promise<void> {
    const id = randomUUID();
    const arrived = new Promise<void>((resolve) => (this.#probe = { id, arrived: resolve }));
    await this.#publish(0, nothing, id);
    // It may have been purged.
    if (!(await settlesWithin(this.#settings.confirmTimeout, arrived)))
      throw new Error('RabbitMQ did not deliver a confirmed message');
    const newest = this.#tokens.reduce((best, token) => (token.count > best.count ? token : best));
    this.#found = this.#current = newest.message.content;
    // The previous holder may have died before its last note was on disk.
    await this.#inTurn(() => this.#write(this.#current));
    this.#isHeld = true;
    this.#onGranted();
  }

  async #keepUp(): Promise<void> {
    const { clock, logger, name } = this.#settings;
    for (;;) {
      await clock.sleep(beat, this.lost).catch(() => undefined);
      if (this.lost.aborted) return;
      try {
        await (this.#isHeld ? this.#inTurn(() => this.#write(this.#current)) : this.#publish(0, nothing));
      } catch (error) {
        if (!this.lost.aborted) logger.warn({ err: error, lock: name }, 'the lock could not be maintained');
      }
    }
  }

  #inTurn(write: () => Promise<void>): Promise<void> {
    const result = this.#writing.then(write);
    this.#writing = result.catch(() => undefined);
    return result;
  }

  #write(note: Uint8Array): Promise<void> {
    return this.#publish(++this.#count, note);
  }

  /** Settles what a confirmed note has superseded. */
  #settle(): void {
    for (const { message, count } of this.#tokens) if (count < this.#confirmed) this.#channel.ack(message);
    this.#tokens = this.#tokens.filter(({ count }) => count >= this.#confirmed);
  }

  /** @throws BUS_UNAVAILABLE */
  async #publish(count: number, note: Uint8Array, messageId: string = randomUUID()): Promise<void> {
    this.lost.throwIfAborted();
    const { name, confirmTimeout } = this.#settings;
    let timer: NodeJS.Timeout | undefined;
    let onLost: () => void = () => undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        const fail = (why: string, cause?: unknown) =>
          reject(
            new NephoscopeError('BUS_UNAVAILABLE', `the note of the lock '${name}' was not saved: ${why}`, {
              cause,
            }),
          );
        onLost = () => fail('the lock is lost', this.lost.reason);
        this.lost.addEventListener('abort', onLost, { once: true });
        timer = setTimeout(
          () => fail(`RabbitMQ confirmed nothing within ${confirmTimeout / 1_000} s`),
          confirmTimeout,
        );
        const onConfirm = (error: unknown) => {
          if (this.lost.aborted) return;
          if (error !== null) return fail('RabbitMQ could not store it: see its log', error);
          this.#confirmed = Math.max(this.#confirmed, count);
          this.#settle();
          resolve();
        };
        const body = Buffer.from(note.buffer, note.byteOffset, note.byteLength);
        const options = { persistent: true, mandatory: true, messageId, headers: { 'x-count': count } };
        this.#channel.publish('', this.#queue, body, options, onConfirm);
      });
    } finally {
      clearTimeout(timer);
      this.lost.removeEventListener('abort', onLost);
    }
  }

  #lose(cause: unknown): void {
    if (this.lost.aborted) return;
    this.#lost.abort(
      new NephoscopeError('BUS_UNAVAILABLE', `the lock '${this.#settings.name}' is no longer held`, { cause }),
    );
    this.#closing = this.#channel.close();
  }
}
