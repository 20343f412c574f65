import { Backoff, orAborted } from '@nephoscope/async';
import { NephoscopeError, describeError } from '@nephoscope/core';
import type { Clock, Health, Logger } from '@nephoscope/core';
import type { MessageBus } from '@nephoscope/core/message-bus';
import { Duty } from '@nephoscope/runtime';

import type { AgentMetrics } from '../metrics.js';
import type { SpoolEntry } from './read-ahead.js';
import type { Spool } from './spool.js';

// So many messages may be unconfirmed at a time, and so many bytes: the bus's client has each of them once more. Of a small
// spool less.
const mostInFlight = 64;
const mostBytesInFlight = 2 * 1024 * 1024;
const firstPause = 500;
const longestPause = 30_000;
// Between looks whether the bus, which said that it takes nothing, is well again.
const look = 500;
// The bus confirms, or says why it does not, within 30 s by default; without either for so long something is wrong.
const longestSilence = 120_000;

export interface SenderParts {
  readonly spool: Spool;
  readonly bus: MessageBus;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: AgentMetrics;
}

/**
 * Sends what is in the spool, oldest first. What the bus does not confirm is sent again, before all else and with
 * growing pauses.
 */
export class Sender {
  readonly #parts: SenderParts;
  readonly #stopping = new AbortController();
  /** Taken from the spool and not confirmed, in their order. */
  readonly #window = new Set<SpoolEntry>();
  readonly #mostBytes: number;
  #windowBytes = 0;
  readonly #backoff = new Backoff(firstPause, longestPause);
  #failure: string | undefined;
  readonly #sending: Duty;

  constructor(parts: SenderParts) {
    this.#parts = parts;
    this.#sending = new Duty('samples are waiting, and nothing has been confirmed or refused', parts.clock);
    this.#mostBytes = Math.min(mostBytesInFlight, parts.spool.segmentBytes);
    void this.#run();
  }

  /** Messages that are in memory since they are not confirmed. */
  get inFlight(): number {
    return this.#window.size;
  }

  /**
   * Resolves when everything is confirmed.
   *
   * @throws SAMPLES_UNSENT, with the last failure, when `signal` is aborted before
   */
  async flush(signal: AbortSignal): Promise<void> {
    const { spool } = this.#parts;
    while (!spool.isEmpty && !signal.aborted) await this.#change(signal);
    if (spool.isEmpty) return;
    throw new NephoscopeError(
      'SAMPLES_UNSENT',
      `${spool.waiting} samples are not confirmed by the bus: ${this.#failure ?? 'it did not answer in time'}`,
    );
  }

  /** Nothing is sent any more. Does not wait for a bus that does not answer. */
  stop(): void {
    this.#stopping.abort(new NephoscopeError('STOPPED', 'the agent is stopping'));
  }

  /** What the bus says now tells more than the failure of the last try. */
  health(): Health {
    if (this.#failure === undefined) return this.#sending.health();
    const { bus, spool } = this.#parts;
    const ofBus = bus.health();
    return {
      ok: false,
      reason: `${spool.waiting} samples are waiting: ${ofBus.ok ? this.#failure : ofBus.reason}`,
    };
  }

  async #run(): Promise<void> {
    const { logger, spool } = this.#parts;
    const { signal } = this.#stopping;
    let waited = false;
    let change: Promise<void> | undefined;
    while (!signal.aborted) {
      // One for all tries until it comes: a disk that cannot be read for hours changes nothing.
      const changed = (change ??= this.#change(signal).finally(() => (change = undefined)));
      try {
        await this.#send(signal);
        if (waited) logger.info({}, 'the waiting samples have been sent');
        waited = false;
        this.#failure = undefined;
        // It rang before when something was appended in the last moment.
        await changed;
      } catch (error) {
        if (signal.aborted) return;
        this.#failure = describeError(error);
        const pause = this.#backoff.next();
        const text = `samples are waiting; next attempt in ${pause / 1_000} s: ${this.#failure}`;
        // Once: that it lasts is shown by `health`, which is told each ten minutes.
        logger[waited ? 'debug' : 'warn']({ err: error, samples: spool.waiting }, text);
        waited = true;
        await this.#wait(pause);
      }
    }
  }

  /** Until the next attempt: for `ms`, or until the bus is well again that was not. */
  async #wait(ms: number): Promise<void> {
    const { bus, clock } = this.#parts;
    const { signal } = this.#stopping;
    const slice = bus.health().ok ? ms : look;
    for (let left = ms; left > 0 && !signal.aborted; left -= slice) {
      await clock.sleep(Math.min(left, slice), signal).catch(() => undefined);
      if (slice < ms && bus.health().ok) return;
    }
  }

  /**
   * Publishes what was not confirmed, and then what comes next, as the window has room: until there is nothing more, or
   * one was not confirmed. Then nothing is in flight any more.
   *
   * @throws the first failure
   */
  async #send(signal: AbortSignal): Promise<void> {
    const { metrics, spool } = this.#parts;
    const failures: unknown[] = [];
    let flying = 0;
    const publish = async (entry: SpoolEntry) => {
      flying += 1;
      if (!this.#sending.isExpected) this.#sending.expect(longestSilence);
      try {
        await this.#publish(entry);
      } catch (error) {
        metrics.publishFailures.inc();
        failures.push(error);
      }
      flying -= 1;
      if (flying > 0) this.#sending.expect(longestSilence);
      else this.#sending.done();
      spool.changed.ring();
    };
    for (const entry of this.#window) void publish(entry);
    while (failures.length === 0 && !signal.aborted) {
      const entry = this.#hasRoom
        ? await this.#next().catch((error: unknown) => void failures.push(error))
        : undefined;
      if (entry !== undefined) {
        if (signal.aborted) return;
        this.#window.add(entry);
        this.#windowBytes += entry.message.body.length;
        void publish(entry);
      } else if (flying === 0) {
        break;
      } else {
        await this.#change(signal);
      }
    }
    while (flying > 0 && !signal.aborted) await this.#change(signal);
    if (failures.length > 0) throw failures[0];
  }

  async #next(): Promise<SpoolEntry | undefined> {
    const { spool } = this.#parts;
    const entry = spool.take();
    return entry ?? ((await spool.load()) ? spool.take() : undefined);
  }

  async #publish(entry: SpoolEntry): Promise<void> {
    const { bus, spool } = this.#parts;
    await bus.publish(entry.message);
    this.#window.delete(entry);
    this.#windowBytes -= entry.message.body.length;
    this.#failure = undefined;
    this.#backoff.reset();
    spool.confirm(entry);
  }

  async #change(signal: AbortSignal): Promise<void> {
    await orAborted(this.#parts.spool.changed.rings(), signal).catch(() => undefined);
  }

  /** One message goes in any case. */
  get #hasRoom(): boolean {
    return this.#window.size === 0 || (this.#window.size < mostInFlight && this.#windowBytes < this.#mostBytes);
  }
}
