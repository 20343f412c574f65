import type { PageQuery, Sample, SampleFilter, SamplePage, SampleQuery } from '@nephoscope/core/sample-store';
import { sql } from 'kysely';
import type { Kysely, RawBuilder } from 'kysely';

import type { Reference, Schema } from '../schema.js';
import { formatCursor, parseCursor } from './cursor.js';
import type { Cursor, Position, Snapshot } from './cursor.js';
import { matches, matchingSeries, restrictsSeries } from './filter.js';
import { metadataMatcher } from './metadata-conditions.js';
import { readRows, toSample } from './sample-rows.js';
import type { SampleTable } from './sample-table.js';
import { SharedRows } from './shared-rows.js';
import type { Row } from './shared-rows.js';

/** Rows of the first page. Each one after it is twice as long, up to the longest: who takes several mostly wants all. */
const pageSize = 500;
const longestPage = 1_000;
/** Up to this many series, a page is merged from the next samples of each; with more, it is read in the order of time. */
const fewSeries = 32;

/** Runs a query on the database that is open at that moment. */
export type Read = <T>(query: (db: Kysely<Schema>) => Promise<T>) => Promise<T>;

interface Rows {
  readonly snapshot: Snapshot;
  readonly rows: readonly Row[];
}

/** The matching samples that exist when the first is requested, read by {@link rowPages}. */
export async function* samplesOf(
  read: Read,
  table: SampleTable,
  query: SampleQuery,
  signal?: AbortSignal,
): AsyncGenerator<Sample> {
  for await (const { rows } of rowPages(read, table, query))
    for (const row of rows) {
      signal?.throwIfAborted();
      yield toSample(row);
    }
}

/** @throws CURSOR_INVALID */
export async function samplePage(
  read: Read,
  table: SampleTable,
  { cursor, limit, ...query }: PageQuery,
): Promise<SamplePage> {
  const from = cursor === undefined ? undefined : parseCursor(cursor, query);
  const found: Row[] = [];
  let snapshot: Snapshot = [];
  // One more, to know whether another page follows.
  for await (const page of rowPages(read, table, { ...query, limit: limit + 1 }, from)) {
    found.push(...page.rows);
    snapshot = page.snapshot;
  }
  const rows = found.slice(0, limit);
  const last = rows.at(-1);
  const next =
    last === undefined || found.length === rows.length
      ? undefined
      : formatCursor(query, { snapshot, position: positionOf(last) });
  return { samples: rows.map(toSample), next };
}

/**
 * The rows of the matching samples that exist when the first page is read, in pages. Each page is one query, and no transaction
 * stays open between pages. Samples with equal times are in the order in which they were recorded.
 */
export async function* rowPages(
  read: Read,
  table: SampleTable,
  { newestFirst = false, limit = Number.POSITIVE_INFINITY, ...filter }: SampleQuery,
  from?: Pick<Cursor, 'snapshot'> & Partial<Cursor>,
): AsyncGenerator<Rows> {
  const snapshot = from?.snapshot ?? (await read((db) => table.snapshot(db)));
  const wasThere = table.wasThere(snapshot);
  const satisfies = metadataMatcher(filter.metadata);
  const series = restrictsSeries(filter)
    ? await read((db) =>
        matchingSeries(db, filter)
          .select('series.id')
          .limit(fewSeries + 1)
          .execute(),
      ).then((rows) => rows.map(({ id }) => id))
    : undefined;
  const few = series !== undefined && series.length <= fewSeries;
  const shared = new SharedRows();
  const readAfter = (position: Position | undefined, size: number) => {
    const page: Page = { filter, wasThere, position, newestFirst, size };
    const found = few ? pageOfFew(table, page, series) : undefined;
    return read(async (db) => {
      const own = await readPage(db, found ?? pageByTime(db, table, page), table, page);
      return { own, rows: await shared.joined(db, own) };
    });
  };
  let left = limit;
  // It is not known in advance how many of them satisfy the conditions.
  let size = satisfies === undefined && limit <= longestPage ? limit : pageSize;
  let page = left > 0 ? readAfter(from?.position, size) : undefined;
  for (let number = 1; page !== undefined; number += 1) {
    const { own, rows } = await page;
    const wanted = satisfies === undefined ? rows : rows.filter(({ metadata }) => satisfies(metadata));
    const last = own.at(-1);
    const isEnd = last === undefined || own.length < size;
    const some = wanted.slice(0, left);
    left -= some.length;
    page = undefined;
    const readNext = () => {
      size = Math.min(longestPage, 2 * size, satisfies === undefined ? left : longestPage);
      return readAfter(last && positionOf(last), size);
    };
    const goesOn = !isEnd && left > 0;
    // The database reads on while these are used, once it is clear that somebody goes on.
    if (goesOn && number > 1) {
      page = readNext();
      // Nobody waits for it where these were enough.
      page.catch(() => undefined);
    }
    if (some.length > 0) yield { snapshot, rows: some };
    if (goesOn) page ??= readNext();
  }
}

function positionOf({ timestamp, id }: Pick<Row, 'timestamp' | 'id'>): Position {
  return { timestamp, id };
}

interface Page {
  readonly filter: SampleFilter;
  /** A condition on a sample `s`: it excludes samples that are recorded while pages are read. */
  readonly wasThere: RawBuilder<boolean>;
  readonly position: Position | undefined;
  readonly newestFirst: boolean;
  readonly size: number;
}

/** Finds the samples of this page among those that `source` yields as `s`, in order: the columns that identify their rows. */
function select(table: SampleTable, page: Page, source: RawBuilder<unknown>) {
  const { filter, wasThere, position, newestFirst, size } = page;
  const beyond =
    position === undefined
      ? sql``
      : sql` and (s.timestamp, s.id) ${newestFirst ? sql`<` : sql`>`} (${position.timestamp}, ${position.id})`;
  return sql`select s.series_id, s.timestamp, s.id from ${source}
    and ${matches(table, rest(filter, position, newestFirst))} and ${wasThere}${beyond}
    order by ${inOrder('s', newestFirst)} limit ${size}`;
}

/** The filter without the time that was already read, so that the database can skip partitions. */
function rest(filter: SampleFilter, position: Position | undefined, newestFirst: boolean): SampleFilter {
  if (position === undefined) return filter;
  const { timestamp } = position;
  const { start = timestamp, end = timestamp + 1n } = filter;
  return newestFirst
    ? { ...filter, end: end < timestamp + 1n ? end : timestamp + 1n }
    : { ...filter, start: start > timestamp ? start : timestamp };
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
  // `is true` prevents the query planners from collecting and sorting all samples of the series for each page.
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
