import { hash } from 'node:crypto';

import { dismantle } from '@nephoscope/core';
import type { Layout, MessageParts, Sample } from '@nephoscope/core';

import { maxMetadata, maxSeries } from './series-bounds.js';
import { seriesRow } from './storable.js';

/** A sample as a row of `samples` refers to it. */
export interface StoredParts<Id> extends Pick<MessageParts, 'signature' | 'variations'> {
  readonly series: Id;
  readonly metadata: Id | null;
}

/** Finds or makes the rows that many samples refer to. */
export interface SharedRows<Id> {
  series(sample: Sample, layout: string): Id;
  metadata(text: string): Id;
}

/** Knows the series and metadata that samples came with before, so that a store is asked for each once. */
export class SeriesCache<Id> {
  readonly #rows: SharedRows<Id>;
  /** By the one layout that a reader who recognises messages gives to all of a series; else by a digest of what makes one. */
  readonly #series = new Map<Layout | string, Id>();
  readonly #metadata = new Map<string, Id>();

  constructor(rows: SharedRows<Id>) {
    this.#rows = rows;
  }

  /** @throws SAMPLE_INVALID, and what the rows throw */
  of(sample: Sample): StoredParts<Id> {
    const { layout, metadata, signature, variations } = sample.parts ?? dismantle(sample);
    return {
      series: this.#seriesId(sample, layout),
      metadata: metadata === null ? null : this.#metadataId(metadata),
      signature,
      variations,
    };
  }

  /** What was asked for may not be there any more. */
  forget(): void {
    this.#series.clear();
    this.#metadata.clear();
  }

  #seriesId(sample: Sample, layout: Layout): Id {
    const key =
      sample.parts === undefined
        ? hash('sha256', JSON.stringify(seriesRow(sample, layout.text)), 'base64')
        : layout;
    const known = this.#series.get(key);
    if (known !== undefined) return known;
    const id = this.#rows.series(sample, layout.text);
    if (this.#series.size >= maxSeries) this.#series.clear();
    this.#series.set(key, id);
    return id;
  }

  #metadataId(text: string): Id {
    const known = this.#metadata.get(text);
    if (known !== undefined) return known;
    const id = this.#rows.metadata(text);
    if (this.#metadata.size >= maxMetadata) this.#metadata.clear();
    // V8 keeps the whole of a message as long as a slice of it is there.
    this.#metadata.set(Buffer.from(text).toString(), id);
    return id;
  }
}
