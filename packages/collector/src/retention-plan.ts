import { formatTimestamp } from '@nephoscope/core';
import type { SampleStore } from '@nephoscope/core/sample-store';

const day = 86_400_000_000_000n;
// For one removal: a partition of a week, and a collector that was off for some days.
const usual = 14n * day;
// Samples of the last day may have a clock that is ahead; gaps no longer than this are normal, …
const recent = day;
// … so that the time of recorded samples is behind the clock by at most this in normal operation.
const usualLag = 3n * day;

/** What is to be removed. Times are ns since 1970 UTC. */
export interface RetentionPlan {
  /** Samples before this are removed; undefined for none. */
  readonly before: bigint | undefined;
  /** Except those before this. */
  readonly since?: bigint;
  /** Why samples stay that the clock alone would have removed; undefined if there are none. */
  readonly held: string | undefined;
}

/**
 * Determines the samples that are older than the retention. A clock may be wrong, here or at a publisher, and a
 * removal is final. So:
 *
 * - the time is that of the clock, but at most that of recorded samples: the newest one, ignoring those of the last
 *   day before the newest of all;
 * - samples older than the removal limit by more than two weeks are not removed: they arrived late or with a wrong
 *   clock, or the retention is new, and an operator must decide. If they are followed by at least two weeks without
 *   any sample, the rest is removed as usual; otherwise nothing is removed while they exist.
 *
 * @param retention ns
 * @throws what the store throws
 */
export async function planRetention(store: SampleStore, retention: bigint, now: bigint): Promise<RetentionPlan> {
  // No sample is older than 1970, however long the retention.
  const byClock = retention < now ? now - retention : 0n;
  const nothing = { before: undefined, held: undefined };
  const times = await store.recordedTimes();
  if (times === undefined || times.oldest >= byClock) return nothing;
  const { oldest, newest } = times;
  const recorded = (await store.recordedTimes(newest - recent + 1n))?.newest;
  const time = recorded === undefined || recorded > now ? now : recorded;
  const before = recorded === undefined || time - retention < 0n ? 0n : time - retention;
  if (oldest < before - usual) {
    const last = (await store.recordedTimes(before - usual))?.newest ?? oldest;
    const isApart = last < before - 2n * usual && byClock - before <= usualLag;
    return {
      before: isApart ? before : undefined,
      since: last + 1n,
      held: `the oldest sample is dated ${formatTimestamp(oldest)}, over ${usual / day} days before the removal limit of ${formatTimestamp(before)}: it arrived late or came from a wrong clock, or collector.retention is new or shorter${isApart ? `. So are all until ${formatTimestamp(last)}; those behind them are removed in their time` : ''}`,
    };
  }
  if (byClock - before <= usualLag) return { before, held: undefined };
  return {
    before: oldest < before ? before : undefined,
    held: `the clock shows ${formatTimestamp(now)}, and ${recorded === undefined ? 'all samples are from one day' : `the newest sample, not counting the last day, is dated ${formatTimestamp(recorded)}`}: the clock is ahead, or nothing was recorded for days`,
  };
}
