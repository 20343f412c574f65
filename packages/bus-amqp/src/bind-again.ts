import type { Clock } from '@nephoscope/core';

/**
 * Bindings are repeated at the multiples of this, ms, all at once, because RabbitMQ does not report that they, or
 * their exchange, were deleted.
 */
const period = 60_000;

/**
 * Time until the next repetition, ms, or until the one after it if that is less than a second away, because a timer
 * may fire early.
 */
export function untilBindAgain(clock: Pick<Clock, 'monotonic'>): number {
  const left = period - Number((clock.monotonic() / 1_000_000n) % BigInt(period));
  return left < 1_000 ? left + period : left;
}
