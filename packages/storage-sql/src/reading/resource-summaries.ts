import type { ResourceQuery, ResourceSummary, SampleFilter } from '@nephoscope/core/sample-store';
import { sql } from 'kysely';
import type { Kysely, RawBuilder } from 'kysely';

import type { Reference, Schema, SeriesTable } from '../schema.js';
import { storable } from '../storable.js';
import type { Snapshot } from './cursor.js';
import { orderOf } from './order-of.js';
import { matchingSeries } from './filter.js';
import { byMeter } from './meter-summaries.js';
import { rowPages } from './sample-pages.js';
import type { Read } from './sample-pages.js';
import type { SampleTable } from './sample-table.js';
import { samplesOfSeries, summarisedSeries, timeOf } from './series-spans.js';

/** The number of resources that one query reads. */
const resourcesAtOnce = 500;

/** What the samples of one series contribute to the summary of its resource. */
interface SeriesSpan extends Pick<
  SeriesTable,
  'resource_id' | 'project_id' | 'user_id' | 'source' | 'counter_name' | 'type' | 'unit'
> {
  readonly first: bigint;
  readonly last: bigint;
  /** The id of the last sample, and the reference to its metadata. */
  readonly latest: bigint;
  readonly metadata: Reference | null;
}

interface Spans {
  readonly spans: readonly SeriesSpan[];
  readonly texts: ReadonlyMap<Reference, string>;
}

/** The resources that exist when the first one is requested, in the order of their ids. */
export async function* resourceSummaries(
  read: Read,
  table: SampleTable,
  { after, limit = Number.POSITIVE_INFINITY, ...filter }: ResourceQuery,
): AsyncGenerator<ResourceSummary> {
  if (limit === 0) return;
  const snapshot = await read((db) => table.snapshot(db));
  const wasThere = table.wasThere(snapshot);
  const hasConditions = filter.metadata !== undefined && filter.metadata.length > 0;
  let left = limit;
  let last = after;
  while (true) {
    const ids = await read((db) => resourceIds(db, filter, last, Math.min(left, resourcesAtOnce)));
    last = ids.at(-1);
    if (last === undefined) return;
    const some = { ...filter, resources: ids };
    const { spans, texts } = hasConditions
      ? await spansOfRows(read, table, some, { snapshot })
      : await read((db) => spansOfSeries(db, table, some, wasThere));
    const found = groupedBy(spans, (span) => span.resource_id);
    for (const id of ids) {
      const ofResource = found.get(id);
      if (ofResource === undefined) continue;
      yield summaryOf(id, ofResource, texts);
      left -= 1;
      if (left === 0) return;
    }
  }
}

/** From the matching series, whatever the time range. */
async function resourceIds(
  db: Kysely<Schema>,
  filter: SampleFilter,
  after: string | undefined,
  limit: number,
): Promise<readonly string[]> {
  const series = matchingSeries(db, filter);
  const rows = await (after === undefined ? series : series.where('series.resource_id', '>', storable(after)))
    .select('series.resource_id as id')
    .distinct()
    .orderBy('id')
    .limit(limit)
    .execute();
  return rows.map(({ id }) => id);
}

function summaryOf(
  resourceId: string,
  spans: Some<SeriesSpan>,
  texts: ReadonlyMap<Reference, string>,
): ResourceSummary {
  const latest = latestOf(spans);
  return {
    resourceId,
    projectId: latest.project_id,
    userId: latest.user_id,
    source: latest.source,
    ...timesOf(spans),
    owners: ownersOf(spans),
    meters: metersOf(spans),
    metadata: (latest.metadata === null ? undefined : texts.get(latest.metadata)) ?? 'null',
  };
}

function ownersOf(spans: Some<SeriesSpan>): ResourceSummary['owners'] {
  const owners = groupedBy(spans, ({ project_id, user_id }) => JSON.stringify([project_id, user_id]));
  return Array.from(owners.values(), (some) => ({
    projectId: some[0].project_id,
    userId: some[0].user_id,
    ...timesOf(some),
  })).sort((one, other) => orderOf(one.firstTimestamp, other.firstTimestamp));
}

function metersOf(spans: Some<SeriesSpan>): ResourceSummary['meters'] {
  const meters = groupedBy(spans, ({ counter_name, type, unit }) => JSON.stringify([counter_name, type, unit]));
  return Array.from(meters.values(), (some) => {
    const { counter_name: name, type, unit, project_id: projectId, user_id: userId, source } = latestOf(some);
    return { name, type, unit, projectId, userId, source, ...timesOf(some) };
  }).sort(byMeter);
}

function timesOf(spans: Some<SeriesSpan>) {
  const smallest = (least: bigint, { first }: SeriesSpan) => (first < least ? first : least);
  return { firstTimestamp: spans.reduce(smallest, spans[0].first), lastTimestamp: latestOf(spans).last };
}

function latestOf(spans: Some<SeriesSpan>): SeriesSpan {
  return spans.reduce((one, other) =>
    other.last > one.last || (other.last === one.last && other.latest > one.latest) ? other : one,
  );
}

type Some<T> = readonly [T, ...T[]];

function groupedBy<T>(items: readonly T[], keyOf: (item: T) => string): ReadonlyMap<string, Some<T>> {
  const groups = new Map<string, [T, ...T[]]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return groups;
}

/** The first, last and latest sample of each series: a few steps in an index, however many samples there are. */
async function spansOfSeries(
  db: Kysely<Schema>,
  table: SampleTable,
  filter: SampleFilter,
  wasThere: RawBuilder<boolean>,
): Promise<Spans> {
  const ofSeries = sql`${samplesOfSeries(table, filter)} and ${wasThere}`;
  const series = summarisedSeries(db, table, filter).select([
    'series.id',
    'series.resource_id',
    'series.project_id',
    'series.user_id',
    'series.source',
    'series.counter_name',
    'series.type',
    'series.unit',
    timeOf('first', ofSeries).as('first'),
    timeOf('last', ofSeries).as('last'),
    sql<bigint>`(select s.id from ${ofSeries} order by s.timestamp desc, s.id desc limit 1)`.as('latest'),
  ]);
  const spans = await db
    // Otherwise each use of a column would look it up again.
    .with(
      (cte) => cte('spans').materialized(),
      () => series,
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
    .execute();
  const latest = Array.from(groupedBy(spans, (span) => span.resource_id).values(), latestOf);
  return { spans, texts: await metadataTexts(db, latest) };
}

async function metadataTexts(
  db: Kysely<Schema>,
  spans: readonly SeriesSpan[],
): Promise<ReadonlyMap<Reference, string>> {
  const ids = [...new Set(spans.map(({ metadata }) => metadata))].filter((id) => id !== null);
  if (ids.length === 0) return new Map();
  const rows = await db.selectFrom('metadata').where('id', 'in', ids).select(['id', 'text']).execute();
  return new Map(rows.map(({ id, text }) => [id, text]));
}

/** The same with conditions on metadata: computed from the samples themselves, oldest first. */
async function spansOfRows(
  read: Read,
  table: SampleTable,
  filter: SampleFilter,
  from: { readonly snapshot: Snapshot },
): Promise<Spans> {
  const spans = new Map<Reference, SeriesSpan>();
  const texts = new Map<Reference, string>();
  for await (const { rows } of rowPages(read, table, filter, from))
    for (const row of rows) {
      const first = spans.get(row.series_id)?.first ?? row.timestamp;
      const metadata = row.metadata_id;
      spans.set(row.series_id, { ...row, first, last: row.timestamp, latest: row.id, metadata });
      if (metadata !== null && row.metadata !== null) texts.set(metadata, row.metadata);
    }
  return { spans: [...spans.values()], texts };
}
