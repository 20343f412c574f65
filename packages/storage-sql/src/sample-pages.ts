import type { Sample, SampleFilter } from '@nephoscope/core';
import { sql } from 'kysely';
import type { Kysely, RawBuilder } from 'kysely';

import { inRange, matchingSeries, restrictsSeries } from './filter.js';
import type { Schema } from './schema.js';

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
  filter: SampleFilter,
  order: Order,
): AsyncGenerator<readonly Sample[]> {
  const newest = await read((db) =>
    db
      .selectFrom('samples')
      .select((eb) => eb.fn.max('id').as('id'))
      .executeTakeFirst(),
  );
  const series = restrictsSeries(filter)
    ? await read((db) =>
        matchingSeries(db, filter)
          .select('series.id')
          .limit(fewSeries + 1)
          .execute(),
      )
    : undefined;
  const few = series !== undefined && series.length <= fewSeries;
  let left = order.limit;
  let cursor: Cursor | undefined;
  while (left > 0) {
    const size = Math.min(left, pageSize);
    const page: Page = { filter, until: BigInt(newest?.id ?? 0n), cursor, newestFirst: order.newestFirst, size };
    const rows = await read((db) =>
      readPage(
        db,
        few
          ? pageOfFew(
              page,
              series.map(({ id }) => id),
            )
          : pageByTime(db, page),
        page,
      ),
    );
    if (rows.length > 0) yield rows.map(toSample);
    const last = rows.at(-1);
    if (last === undefined || rows.length < page.size) return;
    left -= rows.length;
    cursor = { timestamp: last.timestamp, id: last.id };
  }
}

interface Page {
  readonly filter: SampleFilter;
  /** The highest id: what is recorded while the pages are read stays out. */
  readonly until: bigint;
  readonly cursor: Cursor | undefined;
  readonly newestFirst: boolean;
  readonly size: number;
}

/** What restricts `samples as s` to this page, with its order. */
function bounds({ filter, until, cursor, newestFirst, size }: Page): RawBuilder<unknown> {
  const direction = newestFirst ? sql`desc` : sql`asc`;
  const after = newestFirst ? sql`<` : sql`>`;
  const beyond =
    cursor === undefined ? sql`` : sql` and (s.timestamp, s.id) ${after} (${cursor.timestamp}, ${cursor.id})`;
  return sql`${inRange(filter)} and s.id <= ${until}${beyond} order by s.timestamp ${direction}, s.id ${direction} limit ${size}`;
}

function pageOfFew(page: Page, series: readonly bigint[]): RawBuilder<unknown> {
  if (series.length === 0) return sql`select null where false`;
  const nextOfEach = series.map(
    (id) => sql`select id from (select s.id from samples as s where s.series_id = ${id} and ${bounds(page)})`,
  );
  return sql.join(nextOfEach, sql` union all `);
}

function pageByTime(db: Kysely<Schema>, page: Page): RawBuilder<unknown> {
  // The unary plus keeps the planner from gathering and sorting all the samples of the series for each page.
  const series = restrictsSeries(page.filter)
    ? sql`+s.series_id in (${matchingSeries(db, page.filter).select('series.id')}) and `
    : sql``;
  return sql`select s.id from samples as s where ${series}${bounds(page)}`;
}

function readPage(db: Kysely<Schema>, ids: RawBuilder<unknown>, { newestFirst, size }: Page) {
  const direction = newestFirst ? 'desc' : 'asc';
  return db
    .selectFrom('samples')
    .innerJoin('series', 'series.id', 'samples.series_id')
    .leftJoin('metadata', 'metadata.id', 'samples.metadata_id')
    .leftJoin('publishers', 'publishers.id', 'samples.publisher_id')
    .where(sql<boolean>`samples.id in (${ids})`)
    .select([
      'samples.id',
      'samples.message_id',
      'samples.timestamp',
      'samples.volume',
      'samples.sequence',
      'samples.head',
      'samples.tail',
      'metadata.text as metadata',
      'publishers.text as publisher',
      'series.source',
      'series.counter_name',
      'series.type',
      'series.unit',
      'series.user_id',
      'series.project_id',
      'series.resource_id',
      'series.epoch',
    ])
    .orderBy('samples.timestamp', direction)
    .orderBy('samples.id', direction)
    .limit(size)
    .execute();
}

type Row = Awaited<ReturnType<typeof readPage>>[number];

function toSample(row: Row): Sample {
  return {
    messageId: row.message_id,
    source: row.source,
    meter: row.counter_name,
    type: row.type,
    unit: row.unit,
    volume: row.volume,
    userId: row.user_id,
    projectId: row.project_id,
    resourceId: row.resource_id,
    timestamp: row.timestamp,
    publisherId: row.publisher,
    sequence: row.sequence,
    epoch: row.epoch,
    text: row.head + (row.metadata ?? '') + row.tail,
  };
}
