import type { Sample } from '@nephoscope/core';

import { KnownLayout, dismantle } from './message-layout.js';
import type { MessageParts } from './message-layout.js';

/** How many are remembered before all are forgotten. */
const maxSeries = 50_000;
const maxMetadata = 10_000;

/** The fields that make a series, beside meter, resource and the layout of its messages. */
const identity = ['type', 'source', 'unit', 'userId', 'projectId', 'epoch', 'publisherId'] as const;

interface Series<Id> {
  readonly id: Id;
  readonly of: Pick<Sample, (typeof identity)[number]>;
  readonly layout: KnownLayout;
}

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
  readonly #byMeterAndResource = new Map<string, Series<Id>[]>();
  #size = 0;
  readonly #metadata = new Map<string, Id>();
  readonly #texts = new Map<string, string>();

  constructor(rows: SharedRows<Id>) {
    this.#rows = rows;
  }

  /** @throws SAMPLE_INVALID, and what the rows throw */
  of(sample: Sample): StoredParts<Id> {
    const place = `${sample.meter}\0${sample.resourceId}`;
    for (const series of this.#byMeterAndResource.get(place) ?? []) {
      const parts = isOf(series, sample) ? series.layout.match(sample, this.#isMetadata) : undefined;
      if (parts !== undefined) return this.#stored(series, parts);
    }
    const parts = dismantle(sample);
    return this.#stored(this.#find(place, sample, parts.layout), parts);
  }

  /** What was asked for may not be there any more. */
  forget(): void {
    this.#forgetSeries();
    this.#metadata.clear();
  }

  #forgetSeries(): void {
    this.#byMeterAndResource.clear();
    this.#size = 0;
    this.#texts.clear();
  }

  readonly #isMetadata = (text: string): boolean => this.#metadata.has(text);

  #stored({ id }: Series<Id>, { metadata, signature, variations }: Omit<MessageParts, 'layout'>): StoredParts<Id> {
    return { series: id, metadata: metadata === null ? null : this.#metadataId(metadata), signature, variations };
  }

  #metadataId(text: string): Id {
    const known = this.#metadata.get(text);
    if (known !== undefined) return known;
    const id = this.#rows.metadata(text);
    if (this.#metadata.size >= maxMetadata) this.#metadata.clear();
    this.#metadata.set(copyOf(text), id);
    return id;
  }

  /** Series of a meter, an instance or a project have many texts in common: each is kept once. */
  #shared<T extends string | null>(text: T): T {
    if (text === null) return text;
    const known = this.#texts.get(text);
    if (known !== undefined) return known as T;
    const copy = copyOf(text);
    this.#texts.set(copy, copy);
    return copy as T;
  }

  #find(place: string, sample: Sample, layout: string): Series<Id> {
    const there = this.#byMeterAndResource.get(place);
    const found = there?.find((series) => series.layout.text === layout && isOf(series, sample));
    if (found !== undefined) return found;
    const id = this.#rows.series(sample, layout);
    if (this.#size >= maxSeries) this.#forgetSeries();
    const of = Object.fromEntries(
      identity.map((field) => [field, this.#shared(sample[field])]),
    ) as Series<Id>['of'];
    const series = { id, of, layout: new KnownLayout(layout, (text) => this.#shared(text)) };
    this.#size += 1;
    const others = this.#byMeterAndResource.get(place) ?? [];
    this.#byMeterAndResource.set(copyOf(place), [...others, series]);
    return series;
  }
}

function isOf<Id>({ of }: Series<Id>, sample: Sample): boolean {
  return identity.every((field) => of[field] === sample[field]);
}

/** V8 keeps the whole of a message as long as a slice of it is there, also one that a longer text was made of. */
function copyOf(text: string): string {
  return Buffer.from(text).toString();
}
