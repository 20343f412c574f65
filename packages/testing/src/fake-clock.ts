import { setImmediate as tick } from 'node:timers/promises';

import type { Clock } from '@nephoscope/core';

interface Sleeper {
  readonly wakeAt: bigint;
  wake(): void;
}

/** 2026-11-22T21:00:00Z, the start of every fake clock and example reading: ns since 1970 UTC. */
export const fakeStart = 1_795_381_200_000_000_000n;

/** The monotonic clock's value at that time, different from the wall clock's so that a mix-up shows. */
export const fakeStartMonotonic = 3_600_000_000_000n;

/** A clock that moves only when a test moves it. */
export class FakeClock implements Clock {
  readonly #start: bigint;
  readonly #sleepers = new Set<Sleeper>();
  #elapsed = 0n;
  #steps = 0n;

  /** @param start the initial wall clock, ns since 1970 UTC */
  constructor(start: bigint = fakeStart) {
    this.#start = start;
  }

  /** Number of pending sleeps. */
  get sleepers(): number {
    return this.#sleepers.size;
  }

  now(): bigint {
    return this.#start + this.#elapsed + this.#steps;
  }

  monotonic(): bigint {
    return fakeStartMonotonic + this.#elapsed;
  }

  /** Sets the wall clock forward or back. The monotonic clock does not change, and no sleep ends. */
  step(ms: number): void {
    this.#steps += BigInt(Math.round(ms * 1_000_000));
  }

  /** Advances both clocks without ending sleeps, as for a stopped process. Overdue sleeps end at the next advance. */
  freeze(ms: number): void {
    this.#elapsed += nanoseconds(ms);
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(signal.reason as Error);
      const leave = () => {
        this.#sleepers.delete(sleeper);
        signal?.removeEventListener('abort', onAbort);
      };
      const onAbort = () => {
        leave();
        reject(signal?.reason as Error);
      };
      const sleeper: Sleeper = {
        wakeAt: this.#elapsed + nanoseconds(ms),
        wake: () => {
          leave();
          resolve();
        },
      };
      this.#sleepers.add(sleeper);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  /**
   * Advances both clocks and ends sleeps in the order of their times, and of their start if the times are equal. Each
   * sees the clock at its own time and may sleep again. Resolves when all of them have done what they do without
   * waiting for anything else.
   */
  async advance(ms: number): Promise<void> {
    const end = this.#elapsed + nanoseconds(ms);
    for (;;) {
      await tick();
      const next = this.#next();
      if (next === undefined || next.wakeAt > end) break;
      if (next.wakeAt > this.#elapsed) this.#elapsed = next.wakeAt;
      next.wake();
    }
    this.#elapsed = end;
  }

  #next(): Sleeper | undefined {
    let next: Sleeper | undefined;
    for (const sleeper of this.#sleepers) {
      if (next === undefined || sleeper.wakeAt < next.wakeAt) next = sleeper;
    }
    return next;
  }
}

function nanoseconds(ms: number): bigint {
  return BigInt(Math.max(0, Math.round(ms * 1_000_000)));
}
