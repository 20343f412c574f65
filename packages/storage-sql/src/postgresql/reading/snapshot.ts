import { sql } from 'kysely';
import type { Kysely, RawBuilder } from 'kysely';

import { int64Of, noCursor } from '../../reading/cursor.js';
import type { Snapshot } from '../../reading/cursor.js';
import type { Schema } from '../../schema.js';
import { microseconds, sequence } from '../sample-ids.js';

/** More ids than the sequence assigns while one batch is written: a statement ends within minutes. */
const unsettled = 10_000_000n;
/** Transaction ids in rows have 32 bits. */
const mask = 2n ** 32n - 1n;
const half = 2n ** 31n;
const firstTransaction = 3n;

const last = sql<bigint>`(select coalesce(pg_sequence_last_value(${sql.raw(sequence)}), 0))`;

/** The last id that was assigned, the time in µs, and the transactions that have ended; `max(id)` would have to search all tables. */
export async function snapshot(db: Kysely<Schema>): Promise<Snapshot> {
  const { rows } = await sql<{ given: bigint; time: bigint; transactions: string }>`
    select ${last} as given, ${sql.raw(microseconds)} as time, pg_current_snapshot()::text as transactions`.execute(
    db,
  );
  const { given = 0n, time = 0n, transactions = '' } = rows[0] ?? {};
  return [`${given}`, `${time}`, transactions];
}

/** @throws CURSOR_INVALID */
export function wasThere([givenText, timeText, transactions = '']: Snapshot): RawBuilder<boolean> {
  const [given, time] = [int64Of(givenText), int64Of(timeText)];
  // Assigned before; or never by this sequence; or before the sequence was moved, as a collector does at its start.
  const isGiven = sql`(s.id <= ${given} or s.id > ${last} or (s.id <= ${time} and ${time} < ${last}))`;
  // Batches in progress had their ids already. The transaction number of an old row may have been reused since.
  const next = nextTransaction(transactions);
  const age = sql`((${next}::int8 - s.xmin::text::int8) & ${mask}::int8)`;
  const isOver = sql`pg_visible_in_snapshot(
    greatest(${next}::int8 - ${age}, ${firstTransaction}::int8)::text::xid8, ${transactions}::pg_snapshot)`;
  return sql<boolean>`(${isGiven} and (s.id <= ${given - unsettled} or (${age} between 1 and ${half - 1n} and ${isOver})))`;
}

/** The first transaction that had not begun. @throws CURSOR_INVALID if the text is not a snapshot of the server */
function nextTransaction(text: string): bigint {
  const [, from = '', to = '', list = ''] = /^(\d{1,18}):(\d{1,18}):([\d,]*)$/.exec(text) ?? [];
  const running = list === '' ? [] : list.split(',');
  const numbers = [from, ...running, to].map((part) => (/^\d{1,18}$/.test(part) ? BigInt(part) : -1n));
  const isOrdered = numbers.every((one, at) => {
    const before = numbers[at - 1] ?? firstTransaction;
    // The first running transaction is the first in the list.
    return at < 2 || at === numbers.length - 1 ? one >= before : one > before;
  });
  if (!isOrdered) throw noCursor();
  return BigInt(to);
}
