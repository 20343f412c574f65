import type { SampleFilter, SampleReader } from '@nephoscope/core/sample-store';
import { Statistics } from '@nephoscope/statistics';
import type { Figures, StatisticsQuery } from '@nephoscope/statistics';

import { metadataValue } from './metadata-value.js';

export interface UsageFilter {
  readonly project?: string | undefined;
  readonly resource?: string | undefined;
  readonly meter?: string | undefined;
}

/**
 * Computes figures from what a store has recorded, one resource after the other, so that memory does not grow with samples. Of each
 * resource everything is read up to the first sample after the range: what a counter gained is known only from the reading
 * before, also where that was another project's.
 *
 * @param progress is told how many resources of how many were read
 */
export async function readFigures(
  reader: SampleReader,
  { project, resource, meter }: UsageFilter,
  query: StatisticsQuery,
  signal: AbortSignal,
  progress: (done: number, of: number) => void,
): Promise<Figures> {
  // What a project used is only known with the readings of all.
  const which = { scope: 'all', meters: listOf(meter), resources: listOf(resource) } as const;
  const statistics = new Statistics({
    ...query,
    metadata: metadataValue,
    of: project === undefined ? undefined : (sample) => sample.projectId === project,
  });
  // What has no reading since the range began has nothing in it, unless its last one holds.
  const active = await metersOf(reader, { ...which, start: query.start - (query.hold ?? 0n) }, signal);
  const owned = project === undefined ? active : await metersOf(reader, { ...which, projects: [project] }, signal);
  const read = [...active].filter(([id]) => owned.has(id));
  for (const [done, [id, names]] of read.entries()) {
    progress(done, read.length);
    for (let at = 0; at < names.length; at += metersAtOnce) {
      const some = { ...which, resources: [id], meters: names.slice(at, at + metersAtOnce) };
      for await (const sample of reader.samples(some, signal)) {
        if (!statistics.needs(sample.timestamp)) break;
        statistics.add(sample);
      }
      statistics.endSeries();
    }
  }
  return statistics.finish();
}

/** Stores find the samples of a few meters of a resource by their series, those of many by going through all of that time. */
const metersAtOnce = 8;

const listOf = (value: string | undefined) => (value === undefined ? undefined : [value]);

/** The names of the meters of each resource. */
async function metersOf(
  reader: SampleReader,
  filter: SampleFilter,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const found = new Map<string, readonly string[]>();
  for await (const { resourceId, meters } of reader.resources(filter, signal))
    found.set(resourceId, [...new Set(meters.map(({ name }) => name))]);
  return found;
}
