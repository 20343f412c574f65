import type { HistoryQuery, HistorySize, SeriesKey } from '@nephoscope/core/sample-store';
import { sql } from 'kysely';

import { toInt64 } from '../int64.js';
import { periodOf } from '../periods.js';
import { dayOf } from '../rollups/hours.js';
import { rolledSeriesId } from '../rollups/series-id.js';
import { isOneOf, matchingSeries } from './filter.js';
import type { Read } from './sample-pages.js';

interface Found {
  /** By resource. */
  readonly keys: ReadonlyMap<string, readonly SeriesKey[]>;
  readonly size: HistorySize;
}

/** The series that the query means: of samples, and of what is left of them in rollups. */
export async function seriesOf(read: Read, query: HistoryQuery): Promise<Found> {
  const { scope, projects, users, meters, resources, sources, since } = query;
  const columns = ['resource_id', 'counter_name', 'source', 'type', 'unit', 'project_id'] as const;
  const found = await read((db) =>
    matchingSeries(db, { scope, projects, users, meters, resources, sources })
      // A row is kept at least for the period of its last sample.
      .where(sql<boolean>`series.until >= ${BigInt(periodOf(toInt64(since)))}`)
      .select(columns)
      .distinct()
      .execute(),
  );
  const rolled = await read((db) => {
    let series = db
      .selectFrom('rollup_series')
      .innerJoin('rollup_owners', 'rollup_owners.series', 'rollup_series.id')
      .where(
        sql<boolean>`exists (select 1 from rollups where rollups.series = rollup_series.id and rollups.day >= ${dayOf(since)})`,
      )
      .select(columns)
      .distinct();
    const texts = { counter_name: meters, resource_id: resources, source: sources };
    for (const [column, wanted] of Object.entries({ ...texts, project_id: projects, user_id: users }))
      if (wanted !== undefined) series = series.where(isOneOf(column, wanted));
    return (scope === 'all' ? series : series.where(isOneOf('project_id', [scope.project]))).execute();
  });
  const keys = new Map<string, Map<string, SeriesKey>>();
  const names = { meters: new Set<string>(), projects: new Set<string | null>() };
  let count = 0;
  for (const row of [...found, ...rolled]) {
    const { resource_id: resourceId, counter_name: meter, source, type, unit } = row;
    const key = { source, meter, type, unit, resourceId };
    names.meters.add(JSON.stringify([meter, source]));
    names.projects.add(row.project_id);
    const ofResource = keys.get(resourceId) ?? new Map<string, SeriesKey>();
    keys.set(resourceId, ofResource);
    const id = rolledSeriesId(key);
    if (!ofResource.has(id)) count += 1;
    ofResource.set(id, key);
  }
  return {
    keys: new Map(Array.from(keys, ([resource, some]) => [resource, [...some.values()]])),
    size: { found: { series: count, meters: names.meters.size, projects: names.projects.size } },
  };
}
