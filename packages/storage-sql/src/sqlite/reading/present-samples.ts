import { sql } from 'kysely';
import type { Kysely, RawBuilder } from 'kysely';

import type { Schema } from '../../schema.js';

/** Which samples, as `s`, are there now and were not recorded since. */
export async function presentSamples(db: Kysely<Schema>): Promise<RawBuilder<boolean>> {
  const row = await db
    .selectFrom('samples')
    .select((eb) => eb.fn.max('id').as('id'))
    .executeTakeFirst();
  return sql<boolean>`s.id <= ${BigInt(row?.id ?? 0n)}`;
}
