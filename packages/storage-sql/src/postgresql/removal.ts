import type { Clock } from '@nephoscope/core';

import { int64Range } from '../filter.js';
import type { Connection } from './connection.js';
import { detachPartition, existingPartitions, locks, otherSamples, removedTables } from './partitions.js';
import { sqlState } from './store-error.js';

/** So much is removed in one transaction. */
const pagesAtOnce = 500;
const rowsAtOnce = 5_000;

/** How often a lock is tried for, and the time between, ms. */
const attempts = 10;
const pause = 500;

/**
 * Removes whole partitions that are before `time` (ns), and the samples before it that have none. When it is broken
 * off, the next one goes on where it was.
 *
 * @param connection that plans for few rows found by their keys
 * @returns how many samples; 0 when another program is at it
 */
export async function removeBefore(connection: Connection, time: bigint, clock: Clock): Promise<number> {
  const { rows } = await connection.query<{ mine: string }>({
    text: `select pg_try_advisory_lock(${locks.removal}) as mine`,
  });
  if (rows[0]?.mine !== 't') return 0;
  for (const partition of await existingPartitions(connection)) {
    if (partition.end <= time) await patiently(() => detachPartition(connection, partition), clock);
  }
  let removed = 0;
  for (const table of await removedTables(connection)) removed += await removeTable(connection, table);
  return removed + (await removeOthers(connection, time));
}

/** With each row goes its message id, so that what is done twice finds nothing. */
const withMessageIds = (rows: string) => `
  with gone as (delete from ${rows} returning key),
  forgotten as (delete from message_ids using gone where message_ids.key = gone.key)
  select count(*) as count from gone`;

async function removeTable(connection: Connection, { name, pages }: { name: string; pages: number }) {
  let removed = 0n;
  for (let page = 0; page < pages; page += pagesAtOnce) {
    const range = `ctid >= '(${page},0)'::tid and ctid < '(${page + pagesAtOnce},0)'::tid`;
    removed += await count(connection, withMessageIds(`${name} where ${range}`), []);
  }
  await connection.query({ text: `drop table ${name}` });
  return Number(removed);
}

async function removeOthers(connection: Connection, time: bigint): Promise<number> {
  if (time <= int64Range.min) return 0;
  const oldest = `select ctid from ${otherSamples} where timestamp < $1 order by timestamp limit ${rowsAtOnce}`;
  let removed = 0;
  for (;;) {
    const some = await count(connection, withMessageIds(`${otherSamples} where ctid = any(array(${oldest}))`), [
      time > int64Range.max ? int64Range.max : time,
    ]);
    removed += Number(some);
    if (some < rowsAtOnce) return removed;
  }
}

async function count(connection: Connection, text: string, values: unknown[]): Promise<bigint> {
  const { rows } = await connection.query<{ count: bigint }>({ text, values });
  return rows[0]?.count ?? 0n;
}

async function patiently(work: () => Promise<void>, clock: Clock): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      const waitsForLock = ['55P03', '40P01'].includes(sqlState(error) ?? '');
      if (!waitsForLock || attempt === attempts) throw error;
      await clock.sleep(pause);
    }
  }
}
