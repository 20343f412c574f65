import type { Sample, SampleFilter } from '@nephoscope/core/sample-store';

import { assemble } from './message-layout.js';
import { sql } from 'kysely';
import type { Kysely, RawBuilder } from 'kysely';

import { inRange, matchingSeries, restrictsSeries } from './filter.js';
import type { SampleTable } from './sample-table.js';
import type { Reference, Schema } from './schema.js';

const pageSize = 500;
/** Up to so many series a page is put together from each one's next samples; above, it is found by going through the time. */
const fewSeries = 32;

/** Runs a query, on the database as it is open then. */
type Read = <T>(query: (db: Kysely<Schema>) => Promise<T>) => Promise<T>;

interface Cursor {
  readonly timestamp: bigint;
  readonly id: bigint;
}

interface Order {
  readonly newestFirst: boolean;
  readonly limit: number;
}

/**
 * The matching samples that are there when the first page is read, in pages: a query each, which holds no
 * transaction open when it is done. At one time, those recorded first come first.
 */
export async function* samplePages(
  read: Read,
  present: (db: Kysely<Schema>) => Promise<RawBuilder<boolean>>,
  table: SampleTable,
  filter: SampleFilter,
  order: Order,
): AsyncGenerator<readonly Sample[]> {
  const wasThere = await read(present);
  const series = restrictsSeries(filter)
    ? await read((db) =>
        matchingSeries(db, filter)
          .select('series.id')
          .limit(fewSeries + 1)
          .execute(),
      ).then((rows) => rows.map(({ id }) => id))
    : undefined;
  const few = series !== undefined && series.length <= fewSeries;
  let left = order.limit;
  let cursor: Cursor | undefined;
  while (left > 0) {
    const size = Math.min(left, pageSize);
    const page: Page = { filter, wasThere, cursor, newestFirst: order.newestFirst, size };
    const found = few ? pageOfFew(table, page, series) : undefined;
    const rows = await read((db) => readPage(db, found ?? pageByTime(db, page), table, page));
    if (rows.length > 0) yield rows.map(toSample);
    const last = rows.at(-1);
    if (last === undefined || rows.length < page.size) return;
    left -= rows.length;
    cursor = { timestamp: last.timestamp, id: last.id };
  }
}

/** The samples that `found` gives the `series_id`, `timestamp` and `id` of, in no order. */
export async function samplesFound(
  db: Kysely<Schema>,
  table: SampleTable,
  found: RawBuilder<unknown>,
): Promise<readonly Sample[]> {
  return (await readRows(db, found, table).execute()).map(toSample);
}

interface Page {
  readonly filter: SampleFilter;
  /** Of a sample as `s`: what is recorded while the pages are read stays out. */
  readonly wasThere: RawBuilder<boolean>;
  readonly cursor: Cursor | undefined;
  readonly newestFirst: boolean;
  readonly size: number;
}

/** The samples of this page of those that `source` gives as `s`, in order: what finds them again. */
function select({ filter, wasThere, cursor, newestFirst, size }: Page, source: RawBuilder<unknown>) {
  const beyond =
    cursor === undefined
      ? sql``
      : sql` and (s.timestamp, s.id) ${newestFirst ? sql`<` : sql`>`} (${cursor.timestamp}, ${cursor.id})`;
  return sql`select s.series_id, s.timestamp, s.id from ${source}
    and ${inRange(rest(filter, cursor, newestFirst))} and ${wasThere}${beyond}
    order by ${inOrder('s', newestFirst)} limit ${size}`;
}

/** The filter without the time that was read before: partitions are left out by it. */
function rest(filter: SampleFilter, cursor: Cursor | undefined, newestFirst: boolean): SampleFilter {
  if (cursor === undefined) return filter;
  return newestFirst ? { ...filter, end: cursor.timestamp + 1n } : { ...filter, start: cursor.timestamp };
}

function inOrder(table: string, newestFirst: boolean): RawBuilder<unknown> {
  const direction = newestFirst ? sql`desc` : sql`asc`;
  return sql`${sql.ref(`${table}.timestamp`)} ${direction}, ${sql.ref(`${table}.id`)} ${direction}`;
}

function pageOfFew(table: SampleTable, page: Page, series: readonly Reference[]): RawBuilder<unknown> {
  if (series.length === 0) return sql`select series_id, timestamp, id from samples where 1 = 0`;
  const nextOfEach = series.map((id) => sql`select * from (${select(page, table.ofSeries(sql`${id}`))}) as one`);
  return sql`select * from (${sql.join(nextOfEach, sql` union all `)}) as several
    order by ${inOrder('several', page.newestFirst)} limit ${page.size}`;
}

function pageByTime(db: Kysely<Schema>, page: Page): RawBuilder<unknown> {
  if (!restrictsSeries(page.filter)) return select(page, sql`samples as s where 1 = 1`);
  const series = matchingSeries(db, page.filter).select('series.id');
  // `is true` keeps the planners from gathering and sorting all the samples of the series for each page.
  return select(page, sql`samples as s where (s.series_id in (${series})) is true`);
}

function readPage(
  db: Kysely<Schema>,
  found: RawBuilder<unknown>,
  table: SampleTable,
  { newestFirst, size }: Page,
) {
  return readRows(db, found, table)
    .orderBy('found.timestamp', newestFirst ? 'desc' : 'asc')
    .orderBy('found.id', newestFirst ? 'desc' : 'asc')
    .limit(size)
    .execute();
}

function readRows(db: Kysely<Schema>, found: RawBuilder<unknown>, table: SampleTable) {
  return (
    db
      .selectFrom(sql<{ series_id: Reference; timestamp: bigint; id: bigint }>`(${found})`.as('found'))
      // SQLite begins with the left of a cross join: with all the samples it would, whenever what was found looks large.
      .crossJoin('samples')
      .innerJoin('series', 'series.id', 'samples.series_id')
      .leftJoin('metadata', 'metadata.id', 'samples.metadata_id')
      .whereRef('samples.series_id', '=', 'found.series_id')
      .whereRef('samples.timestamp', '=', 'found.timestamp')
      .whereRef('samples.id', '=', 'found.id')
      .select([
        'samples.id',
        table.messageId.as('message_id'),
        'samples.timestamp',
        table.volume.as('volume'),
        'samples.sequence',
        'samples.signature',
        'samples.variations',
        'metadata.text as metadata',
        'series.source',
        'series.counter_name',
        'series.type',
        'series.unit',
        'series.user_id',
        'series.project_id',
        'series.resource_id',
        'series.epoch',
        'series.publisher_id',
        'series.layout',
      ])
  );
}

type Row = Awaited<ReturnType<typeof readPage>>[number];

function toSample(row: Row): Sample {
  const { message_id: messageId, volume, timestamp, sequence, metadata, variations } = row;
  const signature = row.signature === null ? null : Buffer.from(row.signature).toString('hex');
  return {
    messageId,
    source: row.source,
    meter: row.counter_name,
    type: row.type,
    unit: row.unit,
    volume,
    userId: row.user_id,
    projectId: row.project_id,
    resourceId: row.resource_id,
    timestamp,
    publisherId: row.publisher_id,
    sequence,
    epoch: row.epoch,
    text: assemble(row.layout, { messageId, volume, timestamp, sequence, metadata, signature, variations }),
  };
}
