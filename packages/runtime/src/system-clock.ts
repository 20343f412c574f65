import { setTimeout as delay } from 'node:timers/promises';

import type { Clock } from '@nephoscope/core';

// The wall clock in ns at the monotonic clock's zero. Date.now() has only milliseconds, the sum below has
// microseconds; it is measured again when both clocks drift apart, that is, when the wall clock was set.
let offset = measureOffset();

function measureOffset(): bigint {
  return BigInt(Date.now()) * 1_000_000n - process.hrtime.bigint();
}

const tolerance = 2_000_000n;

// More than slewing can change between two readings of the clock in short succession.
const step = 500_000_000n;
const listeners = new Set<() => void>();

/** Hears when somebody may have set the wall clock, at the next look at {@link systemClock}. @returns what ends that */
export function onStep(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

// Node's timers end at once when they are longer.
const longestTimer = 2 ** 31 - 1;

/** The machine's own clocks. Plugins are given it, and none may set it for all. */
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
