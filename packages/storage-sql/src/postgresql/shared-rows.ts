import { digestOf, idOf } from '../digest.js';
import { SeriesCache } from '../series-cache.js';

/** A row shared by many samples. Its id is derived from its content, so that all collectors use the same. */
export interface SharedRow {
  /** A UUID: the first 128 bits of the SHA-256 of the values. */
  readonly id: Buffer;
  readonly table: 'series' | 'metadata';
  /** The last period for which it is kept at least. */
  readonly until: number;
  /** Undefined once this process knows that the database has it. */
  values: readonly (string | null)[] | undefined;
}

/**
 * The shared rows, each as long as it is cached. One dropped from the cache is stored once more, which changes
 * nothing.
 */
export function createSharedRows(): SeriesCache<SharedRow> {
  return new SeriesCache<SharedRow>(
    {
      digest: (row) => digestOf(JSON.stringify(row)),
      keep: (values, digest, until) => ({ id: idOf(digest), table: 'series', until, values }),
    },
    {
      digest: (text) => digestOf(JSON.stringify([text])),
      keep: (text, digest, until) => ({ id: idOf(digest), table: 'metadata', until, values: [text] }),
    },
  );
}
