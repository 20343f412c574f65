import type { Connection } from './connection.js';
import { locks } from './partitions.js';

// A sequence issues the ids of samples. Rows may arrive past it, by logical replication or COPY, without moving it,
// so its value is neither the highest id nor a free one. But all issued ids are below the time in µs since 1970, if
// each recorder begins beyond that time and records less than a million samples a second.

export const sequence = `pg_get_serial_sequence('samples', 'id')::regclass`;
export const microseconds = `(extract(epoch from clock_timestamp()) * 1000000)::bigint`;

/** Moves the sequence beyond every id issued so far. */
export async function moveIds(connection: Connection): Promise<void> {
  await connection.transaction(async () => {
    // Two recorders at once would issue the same ids.
    await connection.query({ text: `select pg_advisory_xact_lock(${locks.ids})` });
    await connection.query({
      text: `select setval(seqrelid::regclass, time) from pg_sequence, (select ${microseconds} as time) as now
        where seqrelid = ${sequence} and time <= seqmax
          and time > coalesce(pg_sequence_last_value(seqrelid::regclass), 0)`,
    });
  });
}
