import type { Clock } from '@nephoscope/core';

/** Bindings are made again at the multiples of this, ms, all at once: nothing tells that they, or their exchange, were deleted. */
const period = 60_000;

/** Until the next time, ms, and the one after it where that is less than a second away: a timer may be early. */
export function untilBindAgain(clock: Pick<Clock, 'monotonic'>): number {
  const left = period - Number((clock.monotonic() / 1_000_000n) % BigInt(period));
  return left < 1_000 ? left + period : left;
}
