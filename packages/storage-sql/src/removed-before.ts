import type { Kysely } from 'kysely';

import type { Schema } from './schema.js';

/**
 * What removals have recorded; undefined if there was none, and while the row is missing, as in the middle of a
 * restore.
 */
export async function removedBefore(db: Kysely<Schema>): Promise<bigint | undefined> {
  const row = await db.selectFrom('retention').select('removed').executeTakeFirst();
  return row?.removed ?? undefined;
}
