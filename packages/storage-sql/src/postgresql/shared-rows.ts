import { createHash } from 'node:crypto';

import type { Sample } from '@nephoscope/core';

import { SeriesCache } from '../series-cache.js';
import { seriesRow } from '../storable.js';

/** A row that many samples refer to. Its id is made of its content, so that whoever asks gets the same. */
export interface SharedRow {
  /** A UUID: the first 128 bits of the SHA-256 of the values. */
  readonly id: Buffer;
  readonly table: 'series' | 'metadata';
  /** Undefined as soon as this process knows it to be in the database. */
  values: readonly (string | null)[] | undefined;
}

/** What samples refer to, each row as long as it is remembered. One that was forgotten is stored once more, which changes nothing. */
export function createSharedRows(): SeriesCache<SharedRow> {
  return new SeriesCache<SharedRow>({
    series: (sample: Sample, layout: string) => sharedRow('series', seriesRow(sample, layout)),
    metadata: (text: string) => sharedRow('metadata', [text]),
  });
}

function sharedRow(table: SharedRow['table'], values: readonly (string | null)[]): SharedRow {
  // Copied, since a part of a digest keeps the whole of it, with a memory of its own for each.
  const id = Buffer.from(createHash('sha256').update(JSON.stringify(values)).digest().subarray(0, 16));
  return { id, table, values };
}
