import { digestOf, idOf } from '../digest.js';
import { SeriesCache } from '../series-cache.js';

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
