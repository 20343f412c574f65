import type { Sample } from '@nephoscope/core/sample-store';

import { dismantle } from './message-layout.js';
import type { MessageParts } from './message-layout.js';
import { RecentMessages, partsOf } from './recent-messages.js';
import { maxKnown } from './series-bounds.js';
import { seriesRow } from './storable.js';
import type { SeriesRow } from './storable.js';

/** The parts of a sample that its row in `samples` stores or refers to. */
export interface StoredParts<Id> extends Pick<MessageParts, 'signature' | 'variations'> {
  readonly series: Id;
  readonly metadata: Id | null;
}

/** How a store creates the shared rows of one kind: many samples refer to each. */
export interface SharedRows<Value, Id> {
  /** The key of the row: a digest of the whole value, as characters of one byte. */
  digest(value: Value): string;
  /** Finds or creates the row, and ensures that it is kept at least as long as the samples of the period. */
  keep(value: Value, digest: string, period: number): Id;
}

/**
 * Caches the series and metadata of earlier samples, so that the store is asked for each once in a period. They are found by
 * digest, or by the text of a message if it resembles one of the most recent ones.
 */
export class SeriesCache<Id> {
  readonly #series: KnownRows<SeriesRow, Id>;
  readonly #metadata: KnownRows<string, Id>;
  readonly #recent = new RecentMessages<Id>();
  readonly #most: number;

  /** @param most rows in the cache */
  constructor(series: SharedRows<SeriesRow, Id>, metadata: SharedRows<string, Id>, most = maxKnown) {
    this.#series = new KnownRows(series);
    this.#metadata = new KnownRows(metadata);
    this.#most = most;
  }

  /**
   * @param period for which the rows must be kept: see `periods.ts`
   * @throws SAMPLE_INVALID, and the errors of the rows
   */
  of(sample: Sample, period: number): StoredParts<Id> {
    if (this.#series.size + this.#metadata.size >= this.#most) this.forget();
    const recent = this.#recent.find(sample);
    const rows = recent?.resource.rows.get(recent.meter);
    // A row that is kept for a later period is also kept for an earlier one.
    if (recent !== undefined && rows !== undefined && rows.period >= period)
      return { series: rows.series, metadata: rows.metadata, signature: recent.signature, variations: null };
    const parts = recent === undefined ? dismantle(sample) : partsOf(recent);
    const { layout, metadata: text, signature, variations } = parts;
    const series = this.#series.id(seriesRow(sample, layout), period);
    const metadata = text === null ? null : this.#metadata.id(text, period);
    if (metadata !== null) {
      const { meter, resource } = recent ?? this.#recent.add(sample, parts) ?? {};
      if (meter !== undefined) resource?.rows.set(meter, { series, metadata, period });
    }
    return { series, metadata, signature, variations };
  }

  /** Clears the cache, because the rows may have been removed. */
  forget(): void {
    this.#recent.forget();
    this.#series.forget();
    this.#metadata.forget();
  }
}

class KnownRows<Value, Id> {
  readonly #rows: SharedRows<Value, Id>;
  readonly #known = new Map<string, { readonly id: Id; readonly period: number }>();

  constructor(rows: SharedRows<Value, Id>) {
    this.#rows = rows;
  }

  get size(): number {
    return this.#known.size;
  }

  id(value: Value, period: number): Id {
    const digest = this.#rows.digest(value);
    const known = this.#known.get(digest);
    // A row that is kept for a later period is also kept for an earlier one.
    if (known !== undefined && known.period >= period) return known.id;
    const id = this.#rows.keep(value, digest, period);
    this.#known.set(digest, { id, period });
    return id;
  }

  forget(): void {
    this.#known.clear();
  }
}
