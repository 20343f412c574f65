import type { Cell } from './cell.js';
import { formatDecimal } from './decimal.js';
import { IntervalSet } from './interval-set.js';
import type { Interval } from './interval-set.js';

/**
 * Why a time is not measured: `further-apart`: readings are further apart than usual; `no-longer-held`: after the configured time;
 * `before-first-reading` and `after-last-reading`; `no-reading` in between, for example while the group was a different one.
 */
export type GapReason =
  'further-apart' | 'no-longer-held' | 'before-first-reading' | 'after-last-reading' | 'no-reading';

export interface Gap extends Interval {
  readonly kind: 'bridged' | 'missing';
  readonly reason: GapReason;
}

/** How much of a figure's range is known. The three add up to the range, in seconds as decimal text. */
export interface Coverage {
  readonly measured: string;
  readonly bridged: string;
  readonly missing: string;
  /** All times that are not measured, in order. */
  readonly gaps: readonly Gap[];
}

/**
 * With several series, a time is missing if one of them has no value between its readings, or if none has begun or all have ended.
 * It is bridged if it is bridged for one of them, and otherwise measured.
 */
export function coverageOf({ covered, bridged, missing }: Cell, range: Interval): Coverage {
  const none = new IntervalSet(covered.outside(range));
  const lost = new IntervalSet(none);
  lost.addAll(missing);
  const far = bridged.without(lost);
  const [first, last] = [covered.start, covered.end];
  const gaps: Gap[] = [];
  for (const gap of none) gaps.push({ ...gap, kind: 'missing', reason: reasonOf(gap, first, last) });
  for (const gap of missing.without(none)) gaps.push({ ...gap, kind: 'missing', reason: 'no-longer-held' });
  for (const gap of far) gaps.push({ ...gap, kind: 'bridged', reason: 'further-apart' });
  gaps.sort((one, other) => (one.start < other.start ? -1 : 1));
  const length = range.end - range.start;
  return {
    measured: seconds(length - lost.length - far.length),
    bridged: seconds(far.length),
    missing: seconds(lost.length),
    gaps,
  };
}

function reasonOf({ start, end }: Interval, first: bigint | undefined, last: bigint | undefined): GapReason {
  if (first === undefined || last === undefined) return 'no-reading';
  if (end <= first) return 'before-first-reading';
  return start >= last ? 'after-last-reading' : 'no-reading';
}

function seconds(ns: bigint): string {
  return formatDecimal({ digits: ns, scale: 9 });
}
