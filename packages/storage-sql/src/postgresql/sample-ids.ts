import type { Connection } from './connection.js';
import { locks } from './partitions.js';

// A sequence gives the ids of samples. Rows may come past it, by logical replication or COPY, and the sequence does not
// move then: what it says is neither the highest id nor one that is free. But ids that were given out anywhere are below
// the time, in µs since 1970, when whoever records begins beyond it and does less than a million samples a second.

export const sequence = `pg_get_serial_sequence('samples', 'id')::regclass`;
export const microseconds = `(extract(epoch from clock_timestamp()) * 1000000)::bigint`;

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
