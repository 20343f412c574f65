import { NephoscopeError } from '@nephoscope/core';
import type { Clock } from '@nephoscope/core';

import { int64Range, toInt64 } from '../int64.js';
import { periodOf } from '../periods.js';
import { hourOf } from '../rollups/hours.js';
import { rolledWithoutMarks } from '../rollups/statements.js';
import type { Connection } from './connection.js';
import { detachPartition, existingPartitions, locks, otherSamples, removedTables } from './partitions.js';
import { holderOfLock, holdersOfTables } from './other-sessions.js';
import type { Partition } from './partitions.js';
import { sqlState } from './store-error.js';

/** Amount removed in one transaction. */
const pagesAtOnce = 500;
const rowsAtOnce = 5_000;

/** How often a lock is tried, and the pause between, ms. */
const attempts = 30;
const pause = 500;
/** Attempts to get the lock that another program holds while it removes samples. */
const lockAttempts = 80;

/**
 * Removes whole partitions before `time` (ns), older samples without a partition, and the shared rows that only they
 * referred to. An interrupted removal is continued by the next one. Samples before `since` stay, and then also all
 * rows that they may refer to.
 *
 * @param connection with a planner that prefers access by key
 * @returns how many samples
 * @throws STORE_BUSY if another program is removing samples and does not end soon, STORE_UNAVAILABLE if others hold
 *   locks
 */
export async function removeBefore(
  connection: Connection,
  until: bigint,
  since: bigint,
  clock: Clock,
): Promise<number> {
  await lockRemoval(connection, clock);
  const time = await removable(connection, until);
  // A period that has not begun cannot be over.
  const now = clock.now();
  const past = time < now ? time : now;
  const period = periodOf(past) - 1;
  const isToSweep = await endPeriod(connection, period);
  for (const partition of await oldPartitions(connection, time, since)) {
    await note(connection, partition.end < now ? partition.end : now);
    await detachWithRetries(connection, partition, clock);
  }
  if (await holdsOthers(connection, time, since)) await note(connection, past);
  let removed = 0;
  for (const table of await removedTables(connection)) removed += await removeTable(connection, table);
  removed += await removeOthers(connection, time, since);
  // A partition created meanwhile may have taken rows from the others.
  const isAllGone =
    (await oldPartitions(connection, time, since)).length === 0 && !(await holdsBefore(connection, since));
  if (isToSweep && isAllGone) await removeShared(connection, period);
  return removed;
}

/** Samples that are not rolled up stay; before anything is rolled up, all may be removed. */
async function removable(connection: Connection, time: bigint): Promise<bigint> {
  const { rows } = await connection.query<{ rolled: bigint | null }>({ text: rolledWithoutMarks('least') });
  const rolled = rows[0]?.rolled ?? null;
  return rolled === null ? time : hourOf(time < rolled ? time : rolled);
}

async function oldPartitions(connection: Connection, time: bigint, since: bigint): Promise<Partition[]> {
  return (await existingPartitions(connection)).filter(({ start, end }) => start >= since && end <= time);
}

async function holdsBefore(connection: Connection, time: bigint): Promise<boolean> {
  const text = 'select from samples where timestamp < $1 limit 1';
  return (await connection.query({ text, values: [toInt64(time)] })).rows.length > 0;
}

/** Before the removal, because from then on older samples may be repetitions. */
async function note(connection: Connection, time: bigint): Promise<void> {
  const text = 'update retention set removed = $1 where removed is null or removed < $1';
  await connection.query({ text, values: [toInt64(time)] });
}

async function holdsOthers(connection: Connection, time: bigint, since: bigint): Promise<boolean> {
  const text = `select from ${otherSamples} where timestamp < $1 and timestamp >= $2 limit 1`;
  return (await connection.query({ text, values: [toInt64(time), toInt64(since)] })).rows.length > 0;
}

/**
 * From now on, recorded samples keep their rows for a later period; batches in progress are waited for.
 *
 * @returns whether there may be unreferenced rows once the samples of the period are removed
 */
async function endPeriod(connection: Connection, period: number): Promise<boolean> {
  await connection.query({ text: `update retention set ended = ${period} where ended < ${period}` });
  const { rows } = await connection.query({ text: `select from retention where swept < ${period}` });
  return rows.length > 0;
}

/** Removes the rows kept until this period or an earlier one, whose samples are removed. */
async function removeShared(connection: Connection, period: number): Promise<void> {
  for (const table of ['series', 'metadata']) {
    for (let page = 0; page < (await pagesOf(connection, table)); page += pagesAtOnce)
      await connection.query({ text: `delete from ${table} where ${pageRange(page)} and until <= ${period}` });
  }
  await connection.query({ text: `update retention set swept = ${period}` });
}

function pageRange(page: number): string {
  return `ctid >= '(${page},0)'::tid and ctid < '(${page + pagesAtOnce},0)'::tid`;
}

async function pagesOf(connection: Connection, table: string): Promise<number> {
  const { rows } = await connection.query<{ pages: bigint }>({
    text: `select pg_relation_size('${table}') / current_setting('block_size')::int as pages`,
  });
  return Number(rows[0]?.pages ?? 0n);
}

/** The message id is removed with its row, so that repeating the removal finds nothing. */
const withMessageIds = (rows: string) => `
  with gone as (delete from ${rows} returning key),
  forgotten as (delete from message_ids using gone where message_ids.key = gone.key)
  select count(*) as count from gone`;

async function removeTable(connection: Connection, { name, pages }: { name: string; pages: number }) {
  let removed = 0n;
  for (let page = 0; page < pages; page += pagesAtOnce) {
    removed += await count(connection, withMessageIds(`${name} where ${pageRange(page)}`), []);
  }
  await connection.query({ text: `drop table ${name}` });
  return Number(removed);
}

async function removeOthers(connection: Connection, time: bigint, since: bigint): Promise<number> {
  if (time <= int64Range.min) return 0;
  const oldest = `select ctid from ${otherSamples} where timestamp < $1 and timestamp >= $2
    order by timestamp limit ${rowsAtOnce}`;
  let removed = 0;
  for (;;) {
    const some = await count(connection, withMessageIds(`${otherSamples} where ctid = any(array(${oldest}))`), [
      toInt64(time),
      toInt64(since),
    ]);
    removed += Number(some);
    if (some < rowsAtOnce) return removed;
  }
}

async function count(connection: Connection, text: string, values: unknown[]): Promise<bigint> {
  const { rows } = await connection.query<{ count: bigint }>({ text, values });
  return rows[0]?.count ?? 0n;
}

/** Waits while another program removes samples; this one removes what that one left, so the returned number is right. */
async function lockRemoval(connection: Connection, clock: Clock): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const { rows } = await connection.query<{ mine: string }>({
      text: `select pg_try_advisory_lock(${locks.removal}) as mine`,
    });
    if (rows[0]?.mine === 't') return;
    if (attempt === lockAttempts) break;
    await clock.sleep(pause);
  }
  const holder = (await holderOfLock(connection, locks.removal)) ?? 'another program';
  throw new NephoscopeError('STORE_BUSY', `nothing was removed: ${holder} is removing samples, too`);
}

async function detachWithRetries(connection: Connection, partition: Partition, clock: Clock): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await detachPartition(connection, partition);
    } catch (error) {
      const waitsForLock = ['55P03', '40P01'].includes(sqlState(error) ?? '');
      if (!waitsForLock) throw error;
      if (attempt === attempts) throw await withHolders(error, connection, partition);
      await clock.sleep(pause);
    }
  }
}

async function withHolders(error: unknown, connection: Connection, { name }: Partition): Promise<unknown> {
  const holders = await holdersOfTables(connection, ['samples', otherSamples, name]);
  if (holders === undefined) return error;
  return new NephoscopeError('STORE_UNAVAILABLE', `${name} cannot be removed: it is in use by ${holders}`, {
    cause: error,
  });
}
