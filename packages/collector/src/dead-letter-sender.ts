import { Backoff, LogLimit } from '@nephoscope/async';
import { describeError } from '@nephoscope/core';
import type { Clock, Health, Logger } from '@nephoscope/core';
import type { Delivery } from '@nephoscope/core/message-bus';

import type { DeadLetter } from './dead-letters.js';

export interface DeadLetterSenderParts {
  /** The queue whose dead letters these are, for the log. */
  readonly queue: string;
  /** Called when a delivery begins and ends to wait for its dead letters. Meanwhile its slot in the prefetch must be made up for. */
  onWaits(delivery: Delivery, waits: boolean): void;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Aborted at the stop. */
  readonly signal: AbortSignal;
}

const firstPause = 500;
const longestPause = 15_000;
/** Deliveries whose dead letters are sent concurrently once they are accepted again. */
const atOnce = 20;

interface Waiter {
  readonly delivery: Delivery;
  /** Those not confirmed yet. */
  deadLetters: readonly DeadLetter[];
  done(safe: boolean): void;
}

/**
 * Sends dead letters. While the broker refuses them, deliveries wait here unsettled. One is retried at a time, with growing
 * pauses, and the others follow when it is accepted.
 */
export class DeadLetterSender {
  readonly #parts: DeadLetterSenderParts;
  readonly #backoff = new Backoff(firstPause, longestPause);
  readonly #logLimit: LogLimit;
  readonly #waiting = new Set<Waiter>();
  #refused: { readonly since: string; why: string } | undefined;
  #isTrying = false;

  constructor(parts: DeadLetterSenderParts) {
    this.#parts = parts;
    this.#logLimit = new LogLimit(parts.clock, parts.signal);
  }

  health(): Health {
    if (this.#refused === undefined) return { ok: true };
    const { since, why } = this.#refused;
    return {
      ok: false,
      reason: `dead letters of '${this.#parts.queue}' have been refused since ${since}, ${this.#waiting.size} messages are waiting: ${why}`,
    };
  }

  /** Resolves with true when all are confirmed, and with false if the delivery is gone or must be requeued at the stop. Never rejects. */
  async send(delivery: Delivery, deadLetters: readonly DeadLetter[]): Promise<boolean> {
    if (deadLetters.length === 0) return true;
    const { onWaits } = this.#parts;
    onWaits(delivery, true);
    const waiter: Waiter = { delivery, deadLetters, done: () => undefined };
    const isSafe = (this.#refused === undefined && (await this.#try(waiter))) || (await this.#wait(waiter));
    onWaits(delivery, false);
    return isSafe;
  }

  async #wait(waiter: Waiter): Promise<boolean> {
    if (this.#isOver(waiter)) return false;
    return new Promise<boolean>((resolve) => {
      waiter.done = resolve;
      this.#waiting.add(waiter);
      if (!this.#isTrying) void this.#tryAgain();
    });
  }

  async #tryAgain(): Promise<void> {
    const { clock, signal } = this.#parts;
    this.#isTrying = true;
    while (this.#waiting.size > 0) {
      await clock.sleep(this.#backoff.next(), signal).catch(() => undefined);
      for (const waiter of this.#waiting) if (this.#isOver(waiter)) this.#leave(waiter, false);
      while (this.#waiting.size > 0 && (await this.#trySome()));
    }
    this.#isTrying = false;
    if (!signal.aborted) this.#taken();
  }

  /** Sends one if the last attempt was refused, otherwise several. Returns whether all were confirmed. */
  async #trySome(): Promise<boolean> {
    const some = [...this.#waiting].slice(0, this.#refused === undefined ? atOnce : 1);
    const results = await Promise.all(
      some.map(async (waiter) => {
        if (this.#isOver(waiter)) return this.#leave(waiter, false);
        const safe = await this.#try(waiter);
        if (safe) this.#leave(waiter, true);
        return safe;
      }),
    );
    return results.every(Boolean);
  }

  async #try(waiter: Waiter): Promise<boolean> {
    const left = new Set(waiter.deadLetters);
    const results = await Promise.allSettled(
      waiter.deadLetters.map(async (deadLetter) => {
        await waiter.delivery.deadLetter(deadLetter.reason, deadLetter.part);
        left.delete(deadLetter);
      }),
    );
    waiter.deadLetters = [...left];
    const failed = results.find((result) => result.status === 'rejected');
    if (failed === undefined) this.#taken();
    else this.#logFailure(failed.reason);
    return failed === undefined;
  }

  #taken(): void {
    if (this.#refused === undefined) return;
    this.#refused = undefined;
    this.#backoff.reset();
    this.#logLimit.over();
    this.#parts.logger.info({ queue: this.#parts.queue }, 'dead letters are accepted again');
  }

  #logFailure(error: unknown): void {
    const { clock, logger, queue } = this.#parts;
    const why = describeError(error);
    this.#refused ??= { since: new Date(Number(clock.now() / 1_000_000n)).toISOString(), why };
    this.#refused.why = why;
    this.#logLimit.log((tries) =>
      logger.warn(
        { err: error, queue, tries, waiting: this.#waiting.size },
        `messages wait in the queue because their dead letters are refused; retrying: ${why}`,
      ),
    );
  }

  #isOver({ delivery }: Waiter): boolean {
    return delivery.isGone || this.#parts.signal.aborted;
  }

  #leave(waiter: Waiter, safe: boolean): true {
    this.#waiting.delete(waiter);
    waiter.done(safe);
    return true;
  }
}
