import type { Connection } from './connection.js';

/** A week: years of data are some hundred tables, and the index of a week of a large cloud fits into memory. */
const span = 7n * 86_400n * 1_000_000_000n;
/** 1970-01-05, a Monday. */
const origin = 4n * 86_400n * 1_000_000_000n;
/** Weeks further from now have no tables of their own, so that wrong clocks do not create thousands. */
const past = 520n;
const future = 4n;

/** The table for samples without a partition. */
export const otherSamples = 'samples_other';

/** Advisory locks that exclude concurrent creation and removal of partitions; the numbers are arbitrary. */
export const locks = { migrate: 7_301_001, partitions: 7_301_002, removal: 7_301_003, ids: 7_301_004 } as const;

export interface Partition {
  readonly name: string;
  /** ns since 1970 UTC: the start, and the start of the next. */
  readonly start: bigint;
  readonly end: bigint;
}

/** The week of a time. */
export function partitionOf(time: bigint): Partition {
  const offset = (((time - origin) % span) + span) % span;
  const start = time - offset;
  const day = new Date(Number(start / 1_000_000n)).toISOString().slice(0, 10).replaceAll('-', '');
  return { name: `samples_${day}`, start, end: start + span };
}

/** The existing partitions by name. */
export async function existingPartitions(connection: Connection): Promise<Partition[]> {
  const { rows } = await connection.query<{ name: string }>({
    text: `select relname as name from pg_inherits join pg_class on pg_class.oid = inhrelid
      where inhparent = 'samples'::regclass order by relname`,
  });
  return rows.flatMap(({ name }) => {
    const [, year, month, day] = /^samples_(\d{4})(\d\d)(\d\d)$/.exec(name) ?? [];
    if (day === undefined) return [];
    return partitionOf(BigInt(Date.parse(`${year}-${month}-${day}`)) * 1_000_000n);
  });
}

/** The weeks of these times that should have a partition at the time `now` (ns). */
export function wantedPartitions(times: Iterable<bigint>, now: bigint): Map<bigint, Partition> {
  const wanted = new Map<bigint, Partition>();
  let last: Partition | undefined;
  for (const time of times) {
    if (last !== undefined && time >= last.start && time < last.end) continue;
    if (time < now - past * span || time > now + future * span) continue;
    last = partitionOf(time);
    wanted.set(last.start, last);
  }
  return wanted;
}

/**
 * Creates the partition unless it exists, and moves into it what was recorded meanwhile. Recording continues: the
 * table is created separately and attached, which only locks {@link otherSamples}.
 */
export async function createPartition(connection: Connection, { name, start, end }: Partition): Promise<void> {
  await connection.transaction(async () => {
    await connection.query({ text: `set local lock_timeout = '2s'` });
    await connection.query({ text: `select pg_advisory_xact_lock(${locks.partitions})` });
    const { rows } = await connection.query({ text: 'select to_regclass($1) as found', values: [name] });
    if (rows[0]?.['found'] !== null) return;
    await connection.query({ text: `lock table ${otherSamples} in access exclusive mode` });
    await connection.query({ text: `create table ${name} (like samples)` });
    await connection.query({
      text: `with moved as (delete from ${otherSamples} where timestamp >= ${start} and timestamp < ${end} returning *)
        insert into ${name} select * from moved`,
    });
    await connection.query({
      text: `alter table samples attach partition ${name} for values from (${start}) to (${end})`,
    });
  });
}

/** Detaches the partition, as a table that {@link removedTables} finds. */
export async function detachPartition(connection: Connection, { name }: Partition): Promise<void> {
  await connection.transaction(async () => {
    // Waiting for this lock blocks later sessions, so a retry is better than a long wait.
    await connection.query({ text: `set local lock_timeout = '200ms'` });
    const { rows } = await connection.query<{ oid: string }>({
      text: 'select to_regclass($1)::oid::text as oid',
      values: [name],
    });
    await connection.query({ text: `alter table samples detach partition ${name}` });
    await connection.query({ text: `alter table ${name} rename to samples_removed_${rows[0]?.oid}` });
  });
}

/** Partitions that were detached and not yet removed, with their sizes in pages. */
export async function removedTables(connection: Connection): Promise<{ name: string; pages: number }[]> {
  const { rows } = await connection.query<{ name: string; pages: bigint }>({
    text: `select relname as name, pg_relation_size(oid) / current_setting('block_size')::int as pages from pg_class
      where relnamespace = current_schema()::regnamespace and relkind = 'r' and relname ~ '^samples_removed_[0-9]+$'`,
  });
  return rows.map(({ name, pages }) => ({ name, pages: Number(pages) }));
}
