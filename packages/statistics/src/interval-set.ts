/** A period of time in ns since 1970 UTC: the start is included, the end excluded. */
export interface Interval {
  readonly start: bigint;
  readonly end: bigint;
}

const nothing: { start: bigint; end: bigint }[] = [];

/** Separate intervals in order of time. Adding at the end, as readings arrive, takes constant time. */
export class IntervalSet {
  /** Most sets are empty and there are many, so they share one array until the first interval is added. */
  #intervals = nothing;

  constructor(intervals: Iterable<Interval> = []) {
    for (const { start, end } of intervals) this.add(start, end);
  }

  /** Intervals that touch are joined. */
  add(start: bigint, end: bigint): void {
    if (end <= start) return;
    if (this.#intervals === nothing) this.#intervals = [];
    const all = this.#intervals;
    const newest = all.at(-1);
    if (newest === undefined || newest.end < start) all.push({ start, end });
    else if (newest.start <= start) {
      if (end > newest.end) newest.end = end;
    } else {
      // The first that does not end before this one begins, and the first that begins after this one ends.
      const from = firstOf(all, (interval) => interval.end >= start);
      const to = firstOf(all, (interval) => interval.start > end);
      const [first, last] = [all[from], all[to - 1]];
      const merged = from < to && first !== undefined && last !== undefined;
      all.splice(from, to - from, {
        start: merged && first.start < start ? first.start : start,
        end: merged && last.end > end ? last.end : end,
      });
    }
  }

  addAll(other: Iterable<Interval>): void {
    for (const { start, end } of other) this.add(start, end);
  }

  [Symbol.iterator](): IterableIterator<Interval> {
    return this.#intervals.values();
  }

  get empty(): boolean {
    return this.#intervals.length === 0;
  }

  get start(): bigint | undefined {
    return this.#intervals[0]?.start;
  }

  get end(): bigint | undefined {
    return this.#intervals.at(-1)?.end;
  }

  /** The parts of `range` that are in none of the intervals. */
  *outside(range: Interval): Generator<Interval> {
    const all = this.#intervals;
    let from = range.start;
    for (let at = firstOf(all, ({ end }) => end > from); at < all.length; at += 1) {
      const { start, end } = all[at] as Interval;
      if (start >= range.end) break;
      if (start > from) yield { start: from, end: start };
      if (end > from) from = end;
    }
    if (from < range.end) yield { start: from, end: range.end };
  }

  /** The parts that are in this set and not in the other. */
  without(other: IntervalSet): IntervalSet {
    const left = new IntervalSet();
    for (const interval of this) for (const { start, end } of other.outside(interval)) left.add(start, end);
    return left;
  }

  /** ns. */
  get length(): bigint {
    return this.#intervals.reduce((length, { start, end }) => length + end - start, 0n);
  }
}

/** The index of the first interval for which `holds`; it must hold for all intervals after that one. */
function firstOf(intervals: readonly Interval[], holds: (interval: Interval) => boolean): number {
  let [low, high] = [0, intervals.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(intervals[middle] as Interval)) high = middle;
    else low = middle + 1;
  }
  return low;
}
