import type { MeterSummary, ResourceSummary, SampleFilter } from '@nephoscope/core/sample-store';
import { sql } from 'kysely';
import type { Kysely } from 'kysely';

import type { Reference, Schema } from '../schema.js';
import { matches, matchingSeries } from './filter.js';
import type { SampleTable } from './sample-table.js';

/** By name, type and unit, in the order of the names. */
export async function meterSummaries(
  db: Kysely<Schema>,
  table: SampleTable,
  filter: SampleFilter,
): Promise<readonly MeterSummary[]> {
  const ofSeries = samplesOfSeries(table, filter);
  const counted = summarisedSeries(db, table, filter).select([
    'series.counter_name',
    'series.type',
    'series.unit',
    'series.resource_id',
    sql<bigint>`(select count(*) from ${ofSeries})`.as('samples'),
  ]);
  const rows = await db
    .selectFrom(counted.as('counted'))
    .where('samples', '>', 0n)
    .select([
      'counter_name',
      'type',
      'unit',
      sql<bigint>`count(distinct resource_id)`.as('resources'),
      sql<bigint>`cast(sum(samples) as bigint)`.as('samples'),
    ])
    .groupBy(['counter_name', 'type', 'unit'])
    .orderBy('counter_name')
    .orderBy('type')
    .orderBy('unit')
    .execute();
  return rows.map((row) => ({
    name: row.counter_name,
    type: row.type,
    unit: row.unit,
    resources: Number(row.resources),
    samples: Number(row.samples),
  }));
}

/** In the order of the ids; who owns a resource is what its latest sample says. */
export async function resourceSummaries(
  db: Kysely<Schema>,
  table: SampleTable,
  filter: SampleFilter,
): Promise<readonly ResourceSummary[]> {
  const resources = Array.from(grouped(await seriesSpans(db, table, filter)), ([resourceId, series]) => ({
    resourceId,
    series,
    latest: series.reduce(later),
  }));
  const metadata = await metadataTexts(
    db,
    resources.map(({ latest }) => latest.metadata),
  );
  return resources.map(({ resourceId, series, latest }) => ({
    resourceId,
    projectId: latest.project_id,
    userId: latest.user_id,
    source: latest.source,
    firstTimestamp: series.reduce((first, { first: next }) => (next < first ? next : first), latest.first),
    lastTimestamp: latest.last,
    meters: [...new Set(series.map((one) => one.counter_name))].sort(),
    metadata: (latest.metadata === null ? undefined : metadata.get(latest.metadata)) ?? 'null',
  }));
}

/** First, last and latest sample of each series: a few steps into an index, however many samples there are. */
async function seriesSpans(db: Kysely<Schema>, table: SampleTable, filter: SampleFilter) {
  const ofSeries = samplesOfSeries(table, filter);
  const latestFirst = sql`${ofSeries} order by s.timestamp desc, s.id desc limit 1`;
  const spans = summarisedSeries(db, table, filter).select([
    'series.id',
    'series.resource_id',
    'series.project_id',
    'series.user_id',
    'series.source',
    'series.counter_name',
    sql<bigint>`(select s.timestamp from ${ofSeries} order by s.timestamp, s.id limit 1)`.as('first'),
    sql<bigint>`(select s.timestamp from ${latestFirst})`.as('last'),
    sql<bigint>`(select s.id from ${latestFirst})`.as('latest'),
  ]);
  return await db
    // Else each use of a figure would look it up once more.
    .with(
      (cte) => cte('spans').materialized(),
      () => spans,
    )
    .selectFrom('spans')
    .selectAll()
    .select((eb) =>
      eb
        .selectFrom('samples as s')
        .select('s.metadata_id')
        .whereRef('s.series_id', '=', 'spans.id')
        .whereRef('s.timestamp', '=', 'spans.last')
        .whereRef('s.id', '=', 'spans.latest')
        .as('metadata'),
    )
    .where('latest', 'is not', null)
    .orderBy('resource_id')
    .execute();
}

/** The samples `s` of a series that are meant, as long as somebody waits for what is told of them. */
function samplesOfSeries(table: SampleTable, filter: SampleFilter) {
  const all = sql`${table.ofSeries(sql.ref('series.id'))} and ${matches(table, filter)}`;
  const wanted = table.isWanted?.(sql.ref('s.id'));
  return wanted === undefined ? all : sql`${all} and ${wanted}`;
}

/** The series that are meant, as long as somebody waits for what is told of them. */
function summarisedSeries(db: Kysely<Schema>, table: SampleTable, filter: SampleFilter) {
  const series = matchingSeries(db, filter);
  // Of each one: it may have millions of samples.
  const wanted = table.isWanted?.(sql`series.id * 64`);
  return wanted === undefined ? series : series.where(wanted);
}

type Span = Awaited<ReturnType<typeof seriesSpans>>[number];

function later(one: Span, other: Span): Span {
  return other.last > one.last || (other.last === one.last && other.latest > one.latest) ? other : one;
}

function grouped(spans: readonly Span[]): Map<string, Span[]> {
  const resources = new Map<string, Span[]>();
  for (const span of spans) {
    const series = resources.get(span.resource_id);
    if (series === undefined) resources.set(span.resource_id, [span]);
    else series.push(span);
  }
  return resources;
}

const idsPerQuery = 1000;

async function metadataTexts(
  db: Kysely<Schema>,
  references: readonly (Reference | null)[],
): Promise<ReadonlyMap<Reference, string>> {
  const ids = [...new Set(references)].filter((id) => id !== null);
  const texts = new Map<Reference, string>();
  for (let start = 0; start < ids.length; start += idsPerQuery) {
    const rows = await db
      .selectFrom('metadata')
      .where('id', 'in', ids.slice(start, start + idsPerQuery))
      .select(['id', 'text'])
      .execute();
    for (const row of rows) texts.set(row.id, row.text);
  }
  return texts;
}
