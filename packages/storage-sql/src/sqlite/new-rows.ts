import type { Sample } from '@nephoscope/core';

import type { SharedRows } from '../series-cache.js';
import { seriesRow } from '../storable.js';

/** A row, and the last period that it has to be kept for. */
export interface Kept<Value> {
  readonly value: Value;
  readonly until: number;
}

/** What rows refer to by numbers: the first value has the number `first`, each further one the next. */
export interface Definitions<Value> {
  readonly first: number;
  readonly values: readonly Kept<Value>[];
}

/**
 * Numbers the series and metadata that have not been met before, without asking the database: whoever writes them
 * finds or makes their rows. A number is given once, so that it never means another row than it did.
 */
export class NewRows implements SharedRows<number> {
  readonly #series = new Numbered<readonly (string | null)[]>();
  readonly #metadata = new Numbered<string>();

  series(sample: Sample, layout: string, period: number): number {
    return this.#series.add({ value: seriesRow(sample, layout), until: period });
  }

  metadata(text: string, period: number): number {
    return this.#metadata.add({ value: text, until: period });
  }

  /** What was numbered since the last time. */
  take(): {
    readonly newSeries: Definitions<readonly (string | null)[]>;
    readonly newMetadata: Definitions<string>;
  } {
    return { newSeries: this.#series.take(), newMetadata: this.#metadata.take() };
  }
}

class Numbered<Value> {
  #next = 0;
  #values: Kept<Value>[] = [];

  add(value: Kept<Value>): number {
    this.#values.push(value);
    return this.#next++;
  }

  take(): Definitions<Value> {
    const values = this.#values;
    this.#values = [];
    return { first: this.#next - values.length, values };
  }
}
