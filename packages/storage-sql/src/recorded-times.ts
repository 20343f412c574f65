import type { RecordedTimes } from '@nephoscope/core/sample-store';
import { sql } from 'kysely';
import type { Kysely } from 'kysely';

import { toInt64 } from './int64.js';
import type { Schema } from './schema.js';

/** Of all samples, or of those before a time: one access to the index by time for each of the two. */
export async function recordedTimes(
  db: Kysely<Schema>,
  before: bigint | undefined,
): Promise<RecordedTimes | undefined> {
  // No time is beyond 64 bits, so this means all samples, including the last time.
  const those = before === undefined || before >= 2n ** 63n ? sql`` : sql`where timestamp < ${toInt64(before)}`;
  const { rows } = await sql<{ oldest: bigint | null; newest: bigint | null }>`
    select (select min(timestamp) from samples ${those}) as oldest,
      (select max(timestamp) from samples ${those}) as newest`.execute(db);
  const { oldest = null, newest = null } = rows[0] ?? {};
  return oldest === null || newest === null ? undefined : { oldest, newest };
}
