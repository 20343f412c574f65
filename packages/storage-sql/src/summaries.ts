import type { MeterSummary, ResourceSummary, SampleFilter } from '@nephoscope/core';
import { sql } from 'kysely';
import type { Kysely } from 'kysely';

import { inRange, matchingSeries } from './filter.js';
import type { Reference, Schema } from './schema.js';

/** By name, type and unit, in the order of the names. */
export async function meterSummaries(db: Kysely<Schema>, filter: SampleFilter): Promise<readonly MeterSummary[]> {
  const counted = matchingSeries(db, filter).select([
    'series.counter_name',
    'series.type',
    'series.unit',
    'series.resource_id',
    sql<bigint>`(select count(*) from samples as s where s.series_id = series.id and ${inRange(filter)})`.as(
      'samples',
    ),
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
  filter: SampleFilter,
): Promise<readonly ResourceSummary[]> {
  const resources = Array.from(grouped(await seriesSpans(db, filter)), ([resourceId, series]) => ({
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

const latestFirst = sql`order by s.timestamp desc, s.id desc limit 1`;

/** First, last and latest sample of each series: a few steps into an index, however many samples there are. */
async function seriesSpans(db: Kysely<Schema>, filter: SampleFilter) {
  const ofSeries = sql`samples as s where s.series_id = series.id and ${inRange(filter)}`;
  const spans = matchingSeries(db, filter).select([
    'series.resource_id',
    'series.project_id',
    'series.user_id',
    'series.source',
    'series.counter_name',
    sql<bigint>`(select min(s.timestamp) from ${ofSeries})`.as('first'),
    sql<bigint>`(select max(s.timestamp) from ${ofSeries})`.as('last'),
    sql<bigint>`(select s.id from ${ofSeries} ${latestFirst})`.as('latest'),
    sql<Reference | null>`(select s.metadata_id from ${ofSeries} ${latestFirst})`.as('metadata'),
  ]);
  return await db
    .selectFrom(spans.as('spans'))
    .selectAll()
    .where('latest', 'is not', null)
    .orderBy('resource_id')
    .execute();
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
