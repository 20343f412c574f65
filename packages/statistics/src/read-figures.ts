import { isNephoscopeError } from '@nephoscope/core';
import type { Sample, SampleFilter, SampleReader, Scope } from '@nephoscope/core/sample-store';

import { metadataValue } from './metadata-value.js';
import type { SpanState } from './span-state.js';
import { Statistics } from './statistics.js';
import type { Figures, StatisticsQuery } from './statistics.js';

/** The samples that figures are computed from, as in a {@link SampleFilter}. */
export interface FigureSelection {
  readonly scope: Scope;
  readonly meters?: readonly string[] | undefined;
  readonly resources?: readonly string[] | undefined;
  readonly projects?: readonly (string | null)[] | undefined;
  readonly users?: readonly (string | null)[] | undefined;
  readonly sources?: readonly string[] | undefined;
}

/** What figures will be read of. */
export interface FiguresFound {
  readonly series: number;
  /** One for each source that a meter is from. */
  readonly meters: number;
  readonly projects: number;
}

/**
 * Computes figures from the samples in a store, one resource after another, so that memory does not grow with the samples. For
 * each resource it reads everything up to the first sample after the range: the use of a counter is known only from the reading
 * before, even if that belonged to another project. No figure includes another project's use.
 *
 * @param progress is told how many resources of how many were read
 * @param admit is told what will be read before it is, and may refuse by throwing
 * @throws what {@link Statistics} and the reader throw; the reason of `signal`
 */
export async function readFigures(
  reader: SampleReader,
  selection: FigureSelection,
  query: Omit<StatisticsQuery, 'of' | 'metadata'>,
  signal: AbortSignal,
  progress: (done: number, of: number) => void = () => undefined,
  admit: (found: FiguresFound) => void = () => undefined,
): Promise<Figures> {
  if (reader.histories !== undefined)
    return await readHistories(reader, selection, query, signal, progress, admit);
  const { scope, meters, resources, sources } = selection;
  // The use of one project is known only from the readings of all.
  const which: SampleFilter = { scope: 'all', meters, resources, sources };
  const of = wantedOf(selection);
  const statistics = new Statistics({ ...query, metadata: metadataValue, of });
  // A resource without a reading since the range began has no figure in it, unless its last reading still holds.
  const active = await metersOf(reader, { ...which, start: query.start - (query.hold ?? 0n) }, signal);
  const { projects, users } = selection;
  const owned = of === undefined ? active : await metersOf(reader, { ...which, scope, projects, users }, signal);
  const read = [...active].filter(([id]) => owned.has(id));
  admit(foundOf(read, owned));
  for (const [done, [id, { names }]] of read.entries()) {
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

/** How often it is begun again when samples are removed meanwhile. */
const attempts = 3;

/** From rolled-up spans, and from samples where there are none. */
async function readHistories(
  reader: SampleReader,
  selection: FigureSelection,
  query: Omit<StatisticsQuery, 'of' | 'metadata'>,
  signal: AbortSignal,
  progress: (done: number, of: number) => void,
  admit: (found: FiguresFound) => void,
): Promise<Figures> {
  for (let attempt = 1; ; attempt++) {
    const statistics = new Statistics({ ...query, metadata: metadataValue, of: wantedOf(selection) });
    // A series without a reading since the range began has no figure in it, unless its last reading still holds.
    const { start, end, hold = 0n } = query;
    const since = start - hold;
    const fits: Statistics['fits'] = (from, to, widest) => statistics.fits(from, to, widest);
    try {
      for await (const part of reader.histories?.({ ...selection, since, start, end, fits }, signal) ?? [])
        if ('found' in part) admit(part.found);
        else if ('done' in part) {
          statistics.endSeries();
          progress(part.done, part.of);
        } else if ('states' in part)
          statistics.addSpans(part.series, part.states as readonly SpanState[], part.groupOf);
        else statistics.add(part);
      return statistics.finish();
    } catch (error) {
      if (!isNephoscopeError(error, 'STORE_CHANGED') || attempt === attempts) throw error;
    }
  }
}

/** Stores find the samples of a few meters of a resource by series, and those of many by reading all samples of that time. */
const metersAtOnce = 8;

/** Whether a sample is requested; undefined if all are. */
function wantedOf({ scope, projects, users }: FigureSelection): ((sample: Sample) => boolean) | undefined {
  if (scope === 'all' && projects === undefined && users === undefined) return undefined;
  return ({ projectId, userId }) =>
    (scope === 'all' || projectId === scope.project) &&
    projects?.includes(projectId) !== false &&
    users?.includes(userId) !== false;
}

interface MetersAndOwners {
  readonly names: readonly string[];
  /** The names with their sources. */
  readonly ofSources: readonly string[];
  readonly projects: readonly (string | null)[];
}

/** The names of the meters of each resource, and the projects that owned it. */
async function metersOf(
  reader: SampleReader,
  filter: SampleFilter,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, MetersAndOwners>> {
  const found = new Map<string, MetersAndOwners>();
  for await (const { resourceId, meters, owners } of reader.resources(filter, signal))
    found.set(resourceId, {
      names: [...new Set(meters.map(({ name }) => name))],
      ofSources: meters.map(({ name, source }) => JSON.stringify([name, source])),
      projects: owners.map(({ projectId }) => projectId),
    });
  return found;
}

function foundOf(
  read: readonly (readonly [string, MetersAndOwners])[],
  owned: ReadonlyMap<string, MetersAndOwners>,
): FiguresFound {
  const meters = new Set<string>();
  const projects = new Set<string | null>();
  let series = 0;
  for (const [id, { ofSources }] of read) {
    series += new Set(ofSources).size;
    for (const name of ofSources) meters.add(name);
    for (const project of owned.get(id)?.projects ?? []) projects.add(project);
  }
  return { series, meters: meters.size, projects: projects.size };
}
