import type { Sample } from '@nephoscope/core/sample-store';

import { seconds } from './times.js';

export const aggregates = ['max', 'min', 'sum', 'avg', 'count', 'stddev', 'cardinality'] as const;
export const cardinalities = ['resource_id', 'user_id', 'project_id', 'source'] as const;
export type Cardinality = (typeof cardinalities)[number];

/** The figures of Ceilometer's statistics: of the volumes as recorded, in floating point. */
export class Figures {
  readonly first: bigint;
  last: bigint;
  min = Number.POSITIVE_INFINITY;
  max = Number.NEGATIVE_INFINITY;
  sum = 0;
  count = 0;
  #mean = 0;
  #squares = 0;
  readonly #distinct: ReadonlyMap<Cardinality, Set<string | null>>;

  constructor(first: bigint, counted: readonly Cardinality[]) {
    this.first = first;
    this.last = first;
    this.#distinct = new Map(counted.map((field) => [field, new Set()]));
  }

  /** To be called in the order of time. */
  add(sample: Sample): void {
    const volume = Number(sample.volume);
    this.last = sample.timestamp;
    this.min = Math.min(this.min, volume);
    this.max = Math.max(this.max, volume);
    this.sum += volume;
    this.count += 1;
    const difference = volume - this.#mean;
    this.#mean += difference / this.count;
    this.#squares += difference * (volume - this.#mean);
    for (const [field, values] of this.#distinct) values.add(fieldOf(sample, field));
  }

  get avg(): number {
    return this.sum / this.count;
  }

  /** For the whole population, not a sample of it. */
  get stddev(): number {
    return Math.sqrt(this.#squares / this.count);
  }

  cardinality(field: Cardinality): number {
    return this.#distinct.get(field)?.size ?? 0;
  }
}

export function fieldOf(sample: Sample, field: Cardinality): string | null {
  switch (field) {
    case 'resource_id':
      return sample.resourceId;
    case 'user_id':
      return sample.userId;
    case 'project_id':
      return sample.projectId;
    case 'source':
      return sample.source;
  }
}

/** The time between the first and the last sample, within the requested range; undefined if they do not overlap. */
export function durationOf(
  { first, last }: Pick<Figures, 'first' | 'last'>,
  { start, end }: { readonly start: bigint | undefined; readonly end: bigint | undefined },
): { readonly start: bigint; readonly end: bigint; readonly seconds: number } | undefined {
  const from = start !== undefined && start > first ? start : first;
  const to = end !== undefined && end < last ? end : last;
  return from > to ? undefined : { start: from, end: to, seconds: seconds(to - from) };
}
