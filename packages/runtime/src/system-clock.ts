import { setTimeout as delay } from 'node:timers/promises';

import type { Clock } from '@nephoscope/core';

// The wall clock in ns at the monotonic clock's zero. Date.now() has only milliseconds, the sum below has
// microseconds. It is measured again when the clocks drift apart, that is, when the wall clock was set.
let offset = measureOffset();

function measureOffset(): bigint {
  return BigInt(Date.now()) * 1_000_000n - process.hrtime.bigint();
}

const tolerance = 2_000_000n;

// More than slewing can change between two consecutive readings of the clock.
const step = 500_000_000n;
const listeners = new Set<() => void>();

/**
 * Calls `listener` when the wall clock may have been set, at the next reading of {@link systemClock}. @returns the
 * function that unsubscribes it
 */
export function onStep(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

// Longer timers of Node fire at once.
const longestTimer = 2 ** 31 - 1;

/** The machine's own clocks. Frozen, because it is passed to plugins. */
export const systemClock: Clock = Object.freeze({
  now(): bigint {
    const time = process.hrtime.bigint() + offset;
    const drift = time - BigInt(Date.now()) * 1_000_000n;
    if (drift < -tolerance || drift > tolerance) {
      offset = measureOffset();
      if (drift < -step || drift > step) for (const listener of listeners) listener();
      return process.hrtime.bigint() + offset;
    }
    return time;
  },
  monotonic: () => process.hrtime.bigint(),
  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    try {
      for (let left = ms; left > 0; left -= longestTimer)
        await delay(Math.min(left, longestTimer), undefined, { signal });
      signal?.throwIfAborted();
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    }
  },
});
