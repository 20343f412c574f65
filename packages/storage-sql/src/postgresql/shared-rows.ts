import { createHash } from 'node:crypto';

import { SeriesCache } from '../series-cache.js';
import { seriesRow } from '../storable.js';

/** A row that many samples refer to. Its id is made of its content, so that whoever asks gets the same. */
export interface SharedRow {
  /** A UUID: the first 128 bits of the SHA-256 of the values. */
  readonly id: Buffer;
  readonly table: 'series' | 'metadata';
  /** The last period that it is kept for at least. */
  readonly until: number;
  /** Undefined as soon as this process knows it to be in the database. */
  values: readonly (string | null)[] | undefined;
}

/** What samples refer to, each row as long as it is remembered. One that was forgotten is stored once more, which changes nothing. */
export function createSharedRows(): SeriesCache<SharedRow> {
  return new SeriesCache<SharedRow>({
    series: (sample, layout, period) => sharedRow('series', seriesRow(sample, layout), period),
    metadata: (text, period) => sharedRow('metadata', [text], period),
  });
}

function sharedRow(table: SharedRow['table'], values: readonly (string | null)[], until: number): SharedRow {
  // Copied, since a part of a digest keeps the whole of it, with a memory of its own for each.
  const id = Buffer.from(createHash('sha256').update(JSON.stringify(values)).digest().subarray(0, 16));
  return { id, table, until, values };
}
