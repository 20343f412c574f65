import { dismantle } from '@nephoscope/core';
import type { Layout, MessageParts, Sample } from '@nephoscope/core';

import { seriesRow } from './storable.js';

/** How many are remembered before all are forgotten. */
const maxSeries = 100_000;
const maxOthers = 10_000;
const maxMetadata = 20_000;

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
  /** Of samples whose reader knew their series, and so has one layout for all of them. */
  readonly #series = new Map<Layout, Id>();
  /** Of the others, by all that tells a series from others. */
  readonly #others = new Map<string, Id>();
  readonly #metadata = new Map<string, Id>();

  constructor(rows: SharedRows<Id>) {
    this.#rows = rows;
  }

  /** @throws SAMPLE_INVALID, and what the rows throw */
  of(sample: Sample): StoredParts<Id> {
    const { layout, metadata, signature, variations } = sample.parts ?? dismantle(sample);
    return {
      series: sample.parts === undefined ? this.#other(sample, layout.text) : this.#known(sample, layout),
      metadata: metadata === null ? null : this.#metadataId(metadata),
      signature,
      variations,
    };
  }

  /** What was asked for may not be there any more. */
  forget(): void {
    this.#series.clear();
    this.#others.clear();
    this.#metadata.clear();
  }

  #known(sample: Sample, layout: Layout): Id {
    return remembered(this.#series, maxSeries, layout, () => this.#rows.series(sample, layout.text));
  }

  #other(sample: Sample, layout: string): Id {
    const place = JSON.stringify(seriesRow(sample, layout));
    return remembered(this.#others, maxOthers, place, () => this.#rows.series(sample, layout));
  }

  #metadataId(text: string): Id {
    const known = this.#metadata.get(text);
    // V8 keeps the whole of a message as long as a slice of it is there.
    return (
      known ??
      remembered(this.#metadata, maxMetadata, Buffer.from(text).toString(), () => this.#rows.metadata(text))
    );
  }
}

function remembered<Key, Id>(ids: Map<Key, Id>, most: number, key: Key, make: () => Id): Id {
  const known = ids.get(key);
  if (known !== undefined) return known;
  const id = make();
  if (ids.size >= most) ids.clear();
  ids.set(key, id);
  return id;
}
