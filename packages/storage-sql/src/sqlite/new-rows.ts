import { digestOf } from '../digest.js';
import type { SharedRows } from '../series-cache.js';
import type { SeriesRow } from '../storable.js';

/** A row, and the last period for which it must be kept. */
export interface Kept<Value> {
  readonly value: Value;
  readonly digest: string;
  readonly until: number;
}

/** Numbered rows: the first value has the number `first`, each further one the next. */
export interface Definitions<Value> {
  readonly first: number;
  readonly values: readonly Kept<Value>[];
}

/**
 * Assigns numbers to new rows of one kind without a query: the writer finds or inserts them. A number is used once,
 * so it never refers to another row.
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

  /** The rows numbered since the last call. */
  take(): Definitions<Value> {
    const values = this.#values;
    this.#values = [];
    return { first: this.#next - values.length, values };
  }
}

/** As one text: null as `-`, other values after `+`, separated by U+0000, which no column contains. */
export function digestOfSeries(row: SeriesRow): string {
  return digestOf(row.map((value) => (value === null ? '-' : `+${value}`)).join('\0'));
}
