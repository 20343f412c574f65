import { sql } from 'kysely';
import type { Kysely, RawBuilder } from 'kysely';

import type { Schema } from '../../schema.js';
import { microseconds, sequence } from '../sample-ids.js';

/** Which samples, as `s`, are there now and were not recorded since; `max(id)` would have to go through the tables. */
export async function presentSamples(db: Kysely<Schema>): Promise<RawBuilder<boolean>> {
  const last = sql<bigint>`(select coalesce(pg_sequence_last_value(${sql.raw(sequence)}), 0))`;
  const { rows } = await sql<{ last: bigint; time: bigint }>`
    select ${last} as last, ${sql.raw(microseconds)} as time`.execute(db);
  const { last: given = 0n, time = 0n } = rows[0] ?? {};
  // Given out before; or never by this sequence; or before it was moved, which a collector that starts meanwhile does.
  return sql<boolean>`(s.id <= ${given} or s.id > ${last} or (s.id <= ${time} and ${time} < ${last}))`;
}
