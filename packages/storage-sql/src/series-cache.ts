import { hash } from 'node:crypto';

import { dismantle } from '@nephoscope/core';
import type { Layout, MessageParts, Sample } from '@nephoscope/core';

import { maxKnown } from './series-bounds.js';
import { seriesRow } from './storable.js';

/** A sample as a row of `samples` refers to it. */
export interface StoredParts<Id> extends Pick<MessageParts, 'signature' | 'variations'> {
  readonly series: Id;
  readonly metadata: Id | null;
}

/** Finds or makes the rows that many samples refer to, and has them kept at least for the samples of a period. */
export interface SharedRows<Id> {
  series(sample: Sample, layout: string, period: number): Id;
  metadata(text: string, period: number): Id;
}

/** What a layout came with: whoever recognises messages has one for each series, always with the same metadata. */
interface OfLayout<Id> {
  readonly series: Id;
  readonly metadata: Id | null;
  readonly text: string | null;
  readonly period: number;
}

/**
 * Knows the series and metadata that samples came with before, so that a store is asked for each once in a period. It
 * knows them by digests, and keeps nothing of what a reader has forgotten.
 */
export class SeriesCache<Id> {
  readonly #rows: SharedRows<Id>;
  readonly #most: number;
  #layouts = new WeakMap<Layout, OfLayout<Id>>();
  readonly #known = new Map<string, Id>();

  /** @param most rows that it knows */
  constructor(rows: SharedRows<Id>, most = maxKnown) {
    this.#rows = rows;
    this.#most = most;
  }

  /**
   * @param period that the rows have to be kept for: see `periods.ts`
   * @throws SAMPLE_INVALID, and what the rows throw
   */
  of(sample: Sample, period: number): StoredParts<Id> {
    if (this.#known.size >= this.#most) this.forget();
    if (sample.parts === undefined) {
      const { layout, metadata, signature, variations } = dismantle(sample);
      const series = this.#seriesId(sample, layout, period);
      return { series, metadata: this.#metadataId(metadata, period), signature, variations };
    }
    const { layout, metadata: text, signature, variations } = sample.parts;
    const known = this.#layouts.get(layout);
    if (known?.text === text && known.period === period)
      return { series: known.series, metadata: known.metadata, signature, variations };
    const series = this.#seriesId(sample, layout, period);
    const metadata = this.#metadataId(text, period);
    this.#layouts.set(layout, { series, metadata, text, period });
    return { series, metadata, signature, variations };
  }

  /** What was asked for may not be there any more. */
  forget(): void {
    this.#layouts = new WeakMap();
    this.#known.clear();
  }

  #seriesId(sample: Sample, layout: Layout, period: number): Id {
    const { text } = layout;
    const key = hash('sha256', JSON.stringify([period, ...seriesRow(sample, text)]), 'base64');
    return this.#known.get(key) ?? this.#ask(key, () => this.#rows.series(sample, text, period));
  }

  #metadataId(text: string | null, period: number): Id | null {
    if (text === null) return null;
    // No text of a series begins so.
    const key = `m${hash('sha256', `${period} ${text}`, 'base64')}`;
    return this.#known.get(key) ?? this.#ask(key, () => this.#rows.metadata(text, period));
  }

  #ask(key: string, ask: () => Id): Id {
    const id = ask();
    this.#known.set(key, id);
    return id;
  }
}
