import { Backoff, LogLimit } from '@nephoscope/async';
import { describeError } from '@nephoscope/core';
import type { Clock, Health, Logger } from '@nephoscope/core';
import type { Delivery } from '@nephoscope/core/message-bus';

import type { Letter } from './dead-letters.js';

export interface SettingAsideParts {
  /** Whose dead letters, for people. */
  readonly queue: string;
  /** A delivery waits for its letters, or waits no longer: its place in the prefetch is to be had elsewhere meanwhile. */
  onWaits(delivery: Delivery, waits: boolean): void;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Aborted when whoever settles the deliveries stops. */
  readonly signal: AbortSignal;
}

const firstPause = 500;
const longestPause = 15_000;
/** Deliveries whose letters are sent at once when they are taken again. */
const atOnce = 20;

interface Waiter {
  readonly delivery: Delivery;
  /** Those that are not confirmed. */
  letters: readonly Letter[];
  done(safe: boolean): void;
}

/**
 * Puts letters among the dead letters. While these are not taken, deliveries wait here, unsettled, and one is tried at
 * a time, with growing pauses; the others follow when that one is taken.
 */
export class SettingAside {
  readonly #parts: SettingAsideParts;
  readonly #backoff = new Backoff(firstPause, longestPause);
  readonly #logLimit: LogLimit;
  readonly #waiting = new Set<Waiter>();
  #refused: { readonly since: string; why: string } | undefined;
  #isTrying = false;

  constructor(parts: SettingAsideParts) {
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

  /** Resolves when all of them are safe; with false when the delivery is gone, or is to be given back at the stop. Never rejects. */
  async send(delivery: Delivery, letters: readonly Letter[]): Promise<boolean> {
    if (letters.length === 0) return true;
    const { onWaits } = this.#parts;
    onWaits(delivery, true);
    const waiter: Waiter = { delivery, letters, done: () => undefined };
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

  /** Tries one where they were refused last, else some; returns whether all of these are safe. */
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
    const left = new Set(waiter.letters);
    const results = await Promise.allSettled(
      waiter.letters.map(async (letter) => {
        await waiter.delivery.deadLetter(letter.reason, letter.part);
        left.delete(letter);
      }),
    );
    waiter.letters = [...left];
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
