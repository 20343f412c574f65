import { digestOf } from '../digest.js';
import type { SharedRows } from '../series-cache.js';
import type { SeriesRow } from '../storable.js';

/** A row, and the last period that it has to be kept for. */
export interface Kept<Value> {
  readonly value: Value;
  readonly digest: string;
  readonly until: number;
}

/** What rows refer to by numbers: the first value has the number `first`, each further one the next. */
export interface Definitions<Value> {
  readonly first: number;
  readonly values: readonly Kept<Value>[];
}

/**
 * Numbers the rows of one kind that have not been met before, without asking the database: whoever writes them
 * finds or makes them. A number is given once, so that it never means another row than it did.
 */
export class NewRows<Value> implements SharedRows<Value, number> {
  readonly digest: (value: Value) => string;
  #next = 0;
  #values: Kept<Value>[] = [];

  constructor(digest: (value: Value) => string) {
    this.digest = digest;
  }

  keep(value: Value, digest: string, until: number): number {
    this.#values.push({ value, digest, until });
    return this.#next++;
  }

  /** What was numbered since the last time. */
  take(): Definitions<Value> {
    const values = this.#values;
    this.#values = [];
    return { first: this.#next - values.length, values };
  }
}

/** As one text: what stands between two U+0000, which no column holds, begins with `-` for null. */
export function digestOfSeries(row: SeriesRow): string {
  return digestOf(row.map((value) => (value === null ? '-' : `+${value}`)).join('\0'));
}
