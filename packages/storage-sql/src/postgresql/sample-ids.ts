import { sql } from 'kysely';
import type { Kysely, RawBuilder } from 'kysely';

import type { Schema } from '../schema.js';
import type { Connection } from './connection.js';
import { locks } from './partitions.js';

// A sequence gives the ids of samples. Rows may come past it, by logical replication or COPY, and the sequence does not
// move then: what it says is neither the highest id nor one that is free. But ids that were given out anywhere are below
// the time, in µs since 1970, when whoever records begins beyond it and does less than a million samples a second.

const sequence = `pg_get_serial_sequence('samples', 'id')::regclass`;
const microseconds = `(extract(epoch from clock_timestamp()) * 1000000)::bigint`;

/** Has the sequence go on beyond every id that was given out until now. */
export async function moveIds(connection: Connection): Promise<void> {
  await connection.transaction(async () => {
    // Two at once would give out the same ids.
    await connection.query({ text: `select pg_advisory_xact_lock(${locks.ids})` });
    await connection.query({
      text: `select setval(seqrelid::regclass, time) from pg_sequence, (select ${microseconds} as time) as now
        where seqrelid = ${sequence} and time <= seqmax
          and time > coalesce(pg_sequence_last_value(seqrelid::regclass), 0)`,
    });
  });
}

/** Which samples, as `s`, are there now and were not recorded since; `max(id)` would have to go through the tables. */
export async function wasThere(db: Kysely<Schema>): Promise<RawBuilder<boolean>> {
  const last = sql<bigint>`(select coalesce(pg_sequence_last_value(${sql.raw(sequence)}), 0))`;
  const { rows } = await sql<{ last: bigint; time: bigint }>`
    select ${last} as last, ${sql.raw(microseconds)} as time`.execute(db);
  const { last: given = 0n, time = 0n } = rows[0] ?? {};
  // Given out before; or never by this sequence; or before it was moved, which a collector that starts meanwhile does.
  return sql<boolean>`(s.id <= ${given} or s.id > ${last} or (s.id <= ${time} and ${time} < ${last}))`;
}
