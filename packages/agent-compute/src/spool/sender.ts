import { Backoff, orAborted } from '@nephoscope/async';
import { NephoscopeError, describeError } from '@nephoscope/core';
import type { Clock, Health, Logger } from '@nephoscope/core';
import type { MessageBus } from '@nephoscope/core/message-bus';
import { Duty } from '@nephoscope/runtime';

import type { AgentMetrics } from '../metrics.js';
import type { SpoolEntry } from './read-ahead.js';
import type { Spool } from './spool.js';

// Limits for unconfirmed messages, of which the bus's client has another copy: number and bytes. A small spool has
// less.
const mostInFlight = 64;
const mostBytesInFlight = 1024 * 1024;
const firstPause = 500;
const longestPause = 30_000;
// Interval between checks whether an unavailable bus is back.
const look = 500;
// The bus confirms, or fails, within 30 s by default; without either for this long, something is wrong.
const longestSilence = 120_000;

export interface SenderParts {
  readonly spool: Spool;
  readonly bus: MessageBus;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: AgentMetrics;
}

/**
 * Sends the contents of the spool, oldest first. Unconfirmed messages are sent again before all others, with growing
 * pauses.
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

  /** Messages in memory that are not confirmed. */
  get inFlight(): number {
    return this.#window.size;
  }

  /**
   * Resolves when everything is confirmed.
   *
   * @throws SAMPLES_UNSENT, with the last failure, if `signal` is aborted before
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

  /** Stops sending, without waiting for a bus that does not answer. */
  stop(): void {
    this.#stopping.abort(new NephoscopeError('STOPPED', 'the agent is stopping'));
  }

  /** The bus's current health is more informative than the failure of the last attempt. */
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
      // One for all attempts until it resolves, because a disk may be unreadable for hours.
      const changed = (change ??= this.#change(signal).finally(() => (change = undefined)));
      try {
        await this.#send(signal);
        if (waited) logger.info({}, 'the waiting samples have been sent');
        waited = false;
        this.#failure = undefined;
        // Already rung if something was appended in the meantime.
        await changed;
      } catch (error) {
        if (signal.aborted) return;
        this.#failure = describeError(error);
        const pause = this.#backoff.next();
        const text = `samples are waiting; next attempt in ${pause / 1_000} s: ${this.#failure}`;
        // Once; the ongoing state is shown by `health`, which is logged every ten minutes.
        logger[waited ? 'debug' : 'warn']({ err: error, samples: spool.waiting }, text);
        waited = true;
        await this.#wait(pause);
      }
    }
  }

  /** Until the next attempt: for `ms`, or until an unhealthy bus is healthy again. */
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
   * Publishes unconfirmed messages and then the next ones, as the window allows, until there are no more or one was
   * not confirmed. Nothing is in flight afterwards.
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

  /** One message is always sent, however large. */
  get #hasRoom(): boolean {
    return this.#window.size === 0 || (this.#window.size < mostInFlight && this.#windowBytes < this.#mostBytes);
  }
}
