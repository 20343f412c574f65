import type { Sample } from '@nephoscope/core/sample-store';

import { dismantle } from './message-layout.js';
import type { MessageParts } from './message-layout.js';
import { RecentMessages, partsOf } from './recent-messages.js';
import { maxKnown } from './series-bounds.js';
import { seriesRow } from './storable.js';
import type { SeriesRow } from './storable.js';

/** A sample as a row of `samples` refers to it. */
export interface StoredParts<Id> extends Pick<MessageParts, 'signature' | 'variations'> {
  readonly series: Id;
  readonly metadata: Id | null;
}

/** How a store makes the rows of one kind that many samples refer to. */
export interface SharedRows<Value, Id> {
  /** What the row is known by: a digest of all of the value, as characters of one byte. */
  digest(value: Value): string;
  /** Finds or makes the row, and has it kept at least for the samples of the period. */
  keep(value: Value, digest: string, period: number): Id;
}

/**
 * Knows the series and metadata that samples came with before, so that a store is asked for each once in a period. It
 * knows them by digests, and those of the messages that came last by their text.
 */
export class SeriesCache<Id> {
  readonly #series: KnownRows<SeriesRow, Id>;
  readonly #metadata: KnownRows<string, Id>;
  readonly #recent = new RecentMessages<Id>();
  readonly #most: number;

  /** @param most rows that it knows */
  constructor(series: SharedRows<SeriesRow, Id>, metadata: SharedRows<string, Id>, most = maxKnown) {
    this.#series = new KnownRows(series);
    this.#metadata = new KnownRows(metadata);
    this.#most = most;
  }

  /**
   * @param period that the rows have to be kept for: see `periods.ts`
   * @throws SAMPLE_INVALID, and what the rows throw
   */
  of(sample: Sample, period: number): StoredParts<Id> {
    if (this.#series.size + this.#metadata.size >= this.#most) this.forget();
    const recent = this.#recent.find(sample);
    const rows = recent?.resource.rows.get(recent.meter);
    // What is kept for later samples is kept for earlier ones.
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

  /** What was asked for may not be there any more. */
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
    // What is kept for later samples is kept for earlier ones.
    if (known !== undefined && known.period >= period) return known.id;
    const id = this.#rows.keep(value, digest, period);
    this.#known.set(digest, { id, period });
    return id;
  }

  forget(): void {
    this.#known.clear();
  }
}
