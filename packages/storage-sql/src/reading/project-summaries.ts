import type { ProjectSummary, SampleFilter } from '@nephoscope/core/sample-store';
import { sql } from 'kysely';
import type { Kysely } from 'kysely';

import type { Schema } from '../schema.js';
import { byText } from './text-order.js';
import { rowPages } from './sample-pages.js';
import type { Read } from './sample-pages.js';
import type { SampleTable } from './sample-table.js';
import { samplesOfSeries, summarisedSeries, timeOf } from './series-spans.js';

/** In the order of the ids. */
export async function projectSummaries(
  read: Read,
  table: SampleTable,
  filter: SampleFilter,
): Promise<readonly ProjectSummary[]> {
  return filter.metadata === undefined || filter.metadata.length === 0
    ? await read((db) => grouped(db, table, filter))
    : await gathered(read, table, filter);
}

async function grouped(
  db: Kysely<Schema>,
  table: SampleTable,
  filter: SampleFilter,
): Promise<readonly ProjectSummary[]> {
  const ofSeries = samplesOfSeries(table, filter);
  const series = summarisedSeries(db, table, filter).select([
    'series.project_id',
    'series.resource_id',
    timeOf('first', ofSeries).as('first'),
    timeOf('last', ofSeries).as('last'),
  ]);
  const rows = await db
    // Otherwise each use of a time would look it up again.
    .with(
      (cte) => cte('spans').materialized(),
      () => series,
    )
    .selectFrom('spans')
    .where('first', 'is not', null)
    .select([
      'project_id',
      sql<bigint>`count(distinct resource_id)`.as('resources'),
      sql<bigint>`min(first)`.as('first'),
      sql<bigint>`max(last)`.as('last'),
    ])
    .groupBy('project_id')
    .orderBy(sql`project_id nulls first`)
    .execute();
  return rows.map((row) => ({
    projectId: row.project_id,
    resources: Number(row.resources),
    firstTimestamp: row.first,
    lastTimestamp: row.last,
  }));
}

/** With conditions on metadata: computed from the samples themselves, oldest first. */
async function gathered(read: Read, table: SampleTable, filter: SampleFilter): Promise<readonly ProjectSummary[]> {
  const projects = new Map<string | null, { resources: Set<string>; first: bigint; last: bigint }>();
  for await (const { rows } of rowPages(read, table, filter))
    for (const { project_id: id, resource_id: resource, timestamp } of rows) {
      const project = projects.get(id) ?? { resources: new Set(), first: timestamp, last: timestamp };
      projects.set(id, project);
      project.resources.add(resource);
      project.last = timestamp;
    }
  return Array.from(projects, ([projectId, { resources, first, last }]) => ({
    projectId,
    resources: resources.size,
    firstTimestamp: first,
    lastTimestamp: last,
  })).sort((one, other) => byText(one.projectId ?? '', other.projectId ?? ''));
}
