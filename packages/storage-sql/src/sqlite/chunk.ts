import { sql } from 'kysely';
import type { RawBuilder } from 'kysely';

/**
 * The number of a sample's chunk: 262,144 in the order of recording form one. The part of an index by chunks that
 * changes with new rows is about 6 MiB, and stays in the cache however many rows and series there are.
 *
 * The text must always be the same, because an index on an expression is used only for that expression. A generated
 * column is not covered by an index.
 */
export function chunkOf(id: RawBuilder<unknown>): RawBuilder<bigint> {
  return sql<bigint>`(${id} >> 18)`;
}
