import { sql } from 'kysely';
import type { RawBuilder } from 'kysely';

/**
 * The number of the chunk that a sample is in: 262,144 are one, in the order of recording. The part of an index by chunks
 * that new rows change has some 6 MiB, and stays in the cache however many rows and series there are.
 *
 * Always the same text: an index of an expression is used for the same expression only. A generated column is none
 * that an index covers.
 */
export function chunkOf(id: RawBuilder<unknown>): RawBuilder<bigint> {
  return sql<bigint>`(${id} >> 18)`;
}
