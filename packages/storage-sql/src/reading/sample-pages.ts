import type { Sample, SampleFilter, SampleQuery } from '@nephoscope/core/sample-store';

import { sql } from 'kysely';
import type { Kysely, RawBuilder } from 'kysely';

import type { Reference, Schema } from '../schema.js';
import { matches, matchingSeries, restrictsSeries } from './filter.js';
import { readRows, toSample } from './sample-rows.js';
import type { SampleTable } from './sample-table.js';

const pageSize = 500;
/** Up to so many series a page is put together from each one's next samples; above, it is found by going through the time. */
const fewSeries = 32;

/** Runs a query, on the database as it is open then. */
type Read = <T>(query: (db: Kysely<Schema>) => Promise<T>) => Promise<T>;

interface Cursor {
  readonly timestamp: bigint;
  readonly id: bigint;
}

/**
 * The matching samples that are there when the first page is read, in pages: a query each, which holds no
 * transaction open when it is done. At one time, those recorded first come first.
 */
export async function* samplePages(
  read: Read,
  present: (db: Kysely<Schema>) => Promise<RawBuilder<boolean>>,
  table: SampleTable,
  { newestFirst = false, limit = Number.POSITIVE_INFINITY, ...filter }: SampleQuery,
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
  let left = limit;
  let cursor: Cursor | undefined;
  while (left > 0) {
    const size = Math.min(left, pageSize);
    const page: Page = { filter, wasThere, cursor, newestFirst, size };
    const found = few ? pageOfFew(table, page, series) : undefined;
    const rows = await read((db) => readPage(db, found ?? pageByTime(db, table, page), table, page));
    if (rows.length > 0) yield rows.map(toSample);
    const last = rows.at(-1);
    if (last === undefined || rows.length < page.size) return;
    left -= rows.length;
    cursor = { timestamp: last.timestamp, id: last.id };
  }
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
function select(table: SampleTable, page: Page, source: RawBuilder<unknown>) {
  const { filter, wasThere, cursor, newestFirst, size } = page;
  const beyond =
    cursor === undefined
      ? sql``
      : sql` and (s.timestamp, s.id) ${newestFirst ? sql`<` : sql`>`} (${cursor.timestamp}, ${cursor.id})`;
  return sql`select s.series_id, s.timestamp, s.id from ${source}
    and ${matches(table, rest(filter, cursor, newestFirst))} and ${wasThere}${beyond}
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
  const nextOfEach = series.map(
    (id) => sql`select * from (${select(table, page, table.ofSeries(sql`${id}`))}) as one`,
  );
  return sql`select * from (${sql.join(nextOfEach, sql` union all `)}) as several
    order by ${inOrder('several', page.newestFirst)} limit ${page.size}`;
}

function pageByTime(db: Kysely<Schema>, table: SampleTable, page: Page): RawBuilder<unknown> {
  const wanted = table.isWanted?.(sql`s.id`) ?? sql`1 = 1`;
  if (!restrictsSeries(page.filter)) return select(table, page, sql`samples as s where ${wanted}`);
  const series = matchingSeries(db, page.filter).select('series.id');
  // `is true` keeps the planners from gathering and sorting all the samples of the series for each page.
  return select(table, page, sql`samples as s where ${wanted} and (s.series_id in (${series})) is true`);
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
