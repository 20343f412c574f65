import { NephoscopeError } from '@nephoscope/core';

import { add, compare, formatDecimal, multiply, zero } from './decimal.js';
import type { Decimal } from './decimal.js';
import { IntervalSet } from './interval-set.js';
import type { Interval } from './interval-set.js';
import { Names } from './names.js';

/** `bridged`: between two readings that are further apart than usual. `missing`: a reading no longer holds. */
export type Quality = 'measured' | 'bridged' | 'missing';

/** A value of a gauge, and when it was read. */
export interface ValueAt {
  readonly at: bigint;
  readonly volume: Decimal;
}

/** What the cells of a span are added up from, whether they are in use or stored. */
interface Sums {
  readonly samples: number;
  readonly falls: number;
  readonly sum: Decimal | undefined;
  readonly amount: Decimal;
  readonly held: bigint;
  readonly least: Decimal | undefined;
  readonly greatest: Decimal | undefined;
  readonly last: ValueAt | undefined;
  readonly epochs: Iterable<string>;
  readonly weights: Iterable<readonly [value: string, ns: bigint]> | undefined;
  readonly covered: Iterable<Interval>;
  readonly bridged: Iterable<Interval>;
  readonly missing: Iterable<Interval>;
}

/** The maximum number of different values for the percentiles of one figure. */
const mostValues = 100_000;

/**
 * The sums over the readings of one group in one span of time. Cells of adjacent spans, and of several series, can be added in
 * any order.
 */
export class Cell {
  samples = 0;
  /** The names of the series in it; empty in a span, which belongs to one series. */
  readonly series = new Names();
  /** Runs with a reading in this time, and counts that fell within a run. */
  readonly epochs = new Names();
  falls = 0;
  /** The use of a cumulative meter, undefined if none is known; the sum of a delta. */
  sum: Decimal | undefined;
  /** The part of `sum` that belongs to this time as a share of the time between two readings. */
  apportioned = zero;
  /** The count at the first reading ever. */
  opening: Decimal | undefined;
  /** For a gauge: value × ns, and ns. */
  amount = zero;
  held = 0n;
  least: Decimal | undefined;
  greatest: Decimal | undefined;
  last: ValueAt | undefined;
  /** For percentiles: how many ns each value was held. */
  readonly weights: Map<string, bigint> | undefined;
  /** Between the first and the last reading. */
  readonly covered = new IntervalSet();
  readonly bridged = new IntervalSet();
  /** Within `covered`. */
  readonly missing = new IntervalSet();

  constructor(distribution: boolean) {
    this.weights = distribution ? new Map<string, bigint>() : undefined;
  }

  of(series: string): this {
    this.series.add(series);
    return this;
  }

  use(amount: Decimal, apportioned: boolean): void {
    this.sum = add(this.sum ?? zero, amount);
    if (apportioned) this.apportioned = add(this.apportioned, amount);
  }

  open(volume: Decimal): void {
    this.opening = add(this.opening ?? zero, volume);
  }

  read(value: ValueAt): void {
    const { volume } = value;
    if (this.least === undefined || compare(volume, this.least) < 0) this.least = volume;
    if (this.greatest === undefined || compare(volume, this.greatest) > 0) this.greatest = volume;
    if (this.last === undefined || value.at >= this.last.at) this.last = value;
  }

  hold(value: ValueAt, ns: bigint): void {
    this.read(value);
    this.amount = add(this.amount, multiply(value.volume, ns));
    this.held += ns;
    if (this.weights !== undefined) this.#weigh(formatDecimal(value.volume), ns);
  }

  cover(start: bigint, end: bigint, quality: Quality): void {
    this.covered.add(start, end);
    if (quality !== 'measured') this[quality].add(start, end);
  }

  /** @param run names an epoch of the other among those here */
  absorb(other: Cell, run?: (epoch: string) => string): void {
    for (const name of other.series) this.series.add(name);
    this.apportioned = add(this.apportioned, other.apportioned);
    if (other.opening !== undefined) this.open(other.opening);
    this.addSums(other, run);
  }

  /** Adds what is measured in a cell of a span. @param run as for {@link absorb} */
  addSums(other: Sums, run?: (epoch: string) => string): void {
    this.samples += other.samples;
    for (const epoch of other.epochs) this.epochs.add(run === undefined ? epoch : run(epoch));
    this.falls += other.falls;
    if (other.sum !== undefined) this.sum = add(this.sum ?? zero, other.sum);
    this.amount = add(this.amount, other.amount);
    this.held += other.held;
    if (other.last !== undefined) this.read(other.last);
    if (other.least !== undefined && (this.least === undefined || compare(other.least, this.least) < 0))
      this.least = other.least;
    if (
      other.greatest !== undefined &&
      (this.greatest === undefined || compare(other.greatest, this.greatest) > 0)
    )
      this.greatest = other.greatest;
    if (this.weights !== undefined) for (const [value, ns] of other.weights ?? []) this.#weigh(value, ns);
    this.covered.addAll(other.covered);
    this.bridged.addAll(other.bridged);
    this.missing.addAll(other.missing);
  }

  #weigh(value: string, ns: bigint): void {
    if (this.weights === undefined) return;
    this.weights.set(value, (this.weights.get(value) ?? 0n) + ns);
    if (this.weights.size > mostValues)
      throw new NephoscopeError(
        'PERCENTILES_TOO_LARGE',
        `a percentile would be one of more than ${mostValues} different values: ask for shorter periods or smaller groups`,
      );
  }
}
