import { formatTimestamp } from '@nephoscope/core';
import type { SampleStore } from '@nephoscope/core/sample-store';

const day = 86_400_000_000_000n;
// Of one removal: partitions of a week, and a collector that was off for some days.
const usual = 14n * day;
// What is recorded of the last day may be of a clock that is ahead; no longer than this is a gap in it the rule, …
const recent = day;
// … so that the time that is recorded is so much behind the clock, at the most, when all is well.
const usualLag = 3n * day;

/** What is to be removed. Times are ns since 1970 UTC. */
export interface RetentionPlan {
  /** What is older; undefined for nothing. */
  readonly before: bigint | undefined;
  /** Of that, what is not older than this. */
  readonly since?: bigint;
  /** Why samples stay that the clock alone would have removed; undefined where there are none. */
  readonly held: string | undefined;
}

/**
 * What of the store is older than the retention. A clock may be wrong, here or where samples are made, and what is
 * removed does not come back. So:
 *
 * - time is what the clock shows, but no more than what is recorded: the newest sample but for those of the last day
 *   before the newest of all;
 * - samples that are older than that by more than two weeks besides are not removed: they came late or of a wrong clock,
 *   or the retention is new, and the operator is asked. Where at least two weeks without any sample are between them and
 *   the rest, they are not a part of it, and it goes on; as long as there are others, nothing is removed.
 *
 * @param retention ns
 * @throws what the store throws
 */
export async function planRetention(store: SampleStore, retention: bigint, now: bigint): Promise<RetentionPlan> {
  // Nothing is metered before 1970, however long the retention.
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
