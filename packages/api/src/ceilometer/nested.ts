import type { ResourceSummary, Sample, SampleFilter } from '@nephoscope/core/sample-store';
import { parseJson } from '@nephoscope/message';

import type { Asked } from './asked.js';
import { notFound } from './fault.js';
import { Figures, durationOf } from './figures.js';
import { flatMetadata } from './metadata.js';
import { refuseProjects } from './other-project.js';
import { countOf, valueOf } from './parameters.js';
import { json, mathsHeader } from './reply.js';
import type { Reply } from './reply.js';
import { oldSample } from './samples.js';
import { microsecondText, second, timeOf, timeText } from './times.js';

// The API of 2012: v1, and the first form of v2, in which paths are nested, such as the meters of a resource of a project.

type Version = 'v1' | 'v2';
type Kind = 'resources' | 'projects' | 'users' | 'sources';
type List = Kind | 'meters';

/** What each kind of path may contain. */
const children: Readonly<Record<Kind | '', readonly string[]>> = {
  '': ['meters', 'resources', 'projects', 'users', 'sources'],
  sources: ['meters', 'resources', 'projects', 'users'],
  projects: ['meters', 'resources'],
  users: ['meters', 'resources'],
  resources: ['meters'],
};

interface Place {
  readonly kinds: readonly Kind[];
  /** The conditions from the names in the path. */
  readonly filter: SampleFilter;
  readonly source: string | undefined;
  /** The requested list, and the rest of the path. */
  readonly rest: readonly [List, ...string[]] | readonly [];
}

/** @param segments of the path after the version, unescaped. @throws 404 for a path that this version does not have */
export function nested(asked: Asked, version: Version, segments: readonly string[]): Promise<Reply> | Reply {
  const place = placeOf(asked, version, segments);
  const { kinds, source, rest } = place;
  const { sources } = asked.options;
  if (version === 'v2' && source !== undefined && !Object.hasOwn(sources, source))
    throw notFound(`No source ${source}`);
  const [what, meter, ...figure] = rest;
  if (what === undefined && source !== undefined && kinds.at(-1) === 'sources') {
    refuseProjects(asked.scope);
    const data = Object.hasOwn(sources, source) ? sources[source] : {};
    return json(version === 'v1' ? data : { name: source, data: texts(data) });
  }
  if (what === undefined) throw unknown();
  if (meter === undefined) return listOf(asked, version, place, what);
  if (what !== 'meters' || (version === 'v1' && kinds.length === 0)) throw unknown();
  const times = timesOf(asked);
  const filter = { ...place.filter, meters: [meter], ...times.widened };
  const name = figure.join('/');
  const isOfOne = version === 'v2' || kinds[0] === 'resources';
  if (name === '') return events(asked, version, filter);
  if (name === 'duration' && isOfOne) return duration(asked, version, filter, times);
  if ((name === 'volume/max' || name === 'volume/sum') && (isOfOne || kinds[0] === 'projects'))
    return volume(asked, filter, name === 'volume/max' ? 'max' : 'sum');
  throw unknown();
}

function placeOf(asked: Asked, version: Version, segments: readonly string[]): Place {
  const kinds: Kind[] = [];
  let filter: SampleFilter = { scope: asked.scope };
  let source: string | undefined;
  let rest = segments;
  // `/v2/projects/meters` covers all projects.
  if (version === 'v2' && rest.length === 2 && rest[0] === 'projects' && rest[1] === 'meters') rest = ['meters'];
  while (rest.length >= 2 && rest[0] !== 'meters') {
    const [kind, id, ...below] = rest as [Kind, string, ...string[]];
    if (!children[kinds.at(-1) ?? ''].includes(kind)) throw unknown();
    filter = { ...filter, [kind]: [id] };
    if (kind === 'sources') source = id;
    kinds.push(kind);
    rest = below;
  }
  const [what] = rest;
  const last = kinds.at(-1) ?? '';
  const isKnown = what === undefined ? last === 'sources' && kinds.length === 1 : children[last].includes(what);
  if (!isKnown || (version === 'v1' && kinds.length > 1) || (version === 'v1' && what === 'sources'))
    throw unknown();
  return { kinds, filter, source, rest: rest as Place['rest'] };
}

function unknown() {
  return notFound('The resource could not be found.');
}

interface Times {
  readonly start: bigint | undefined;
  readonly end: bigint | undefined;
  /** Extended by `search_offset`. */
  readonly widened: { readonly start: bigint | undefined; readonly end: bigint | undefined };
}

function timesOf({ parameters }: Asked): Times {
  const [startText, endText] = [valueOf(parameters, 'start_timestamp'), valueOf(parameters, 'end_timestamp')];
  const start = startText === undefined ? undefined : timeOf(startText);
  const end = endText === undefined ? undefined : timeOf(endText);
  const offset = BigInt(countOf('search_offset', valueOf(parameters, 'search_offset'), 1e11)) * 60n * second;
  const widened = {
    start: start === undefined ? undefined : start - offset,
    end: end === undefined ? undefined : end + offset,
  };
  return { start, end, widened };
}

async function listOf(asked: Asked, version: Version, { filter }: Place, what: List): Promise<Reply> {
  const { reader, signal, options } = asked;
  const named = (items: AsyncIterable<string>): Reply => (version === 'v1' ? { items, name: what } : { items });
  switch (what) {
    case 'meters':
      return named(metersOf(reader.resources(filter, signal)));
    case 'resources':
      return named(resourcesOf(reader.resources({ ...filter, ...timesOf(asked).widened }, signal), version));
    case 'projects': {
      const ids = (await reader.projects(filter, signal)).map(({ projectId }) => projectId);
      return namedIds(version, what, ids);
    }
    case 'users': {
      const ids = new Set<string | null>();
      for await (const { owners } of reader.resources(filter, signal))
        owners.forEach(({ userId }) => ids.add(userId));
      return namedIds(version, what, [...ids]);
    }
    case 'sources':
      refuseProjects(asked.scope);
      return json(Object.entries(options.sources).map(([name, data]) => ({ name, data: texts(data) })));
  }
}

function namedIds(version: Version, name: string, ids: readonly (string | null)[]): Reply {
  const known = ids.filter((id) => id !== null).sort();
  return json(version === 'v1' ? { [name]: known } : known);
}

function texts(data: object | undefined): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(data ?? {}).map(([key, value]) => [key, String(value)]));
}

/** There were no units: a meter in two of them is one, as in the one that came last. */
function withoutUnits(meters: ResourceSummary['meters']): ResourceSummary['meters'] {
  const latest = new Map<string, ResourceSummary['meters'][number]>();
  for (const meter of meters) {
    const key = JSON.stringify([meter.name, meter.type]);
    const other = latest.get(key);
    if (other === undefined || other.lastTimestamp < meter.lastTimestamp) latest.set(key, meter);
  }
  return [...latest.values()];
}

async function* metersOf(resources: AsyncIterable<ResourceSummary>): AsyncGenerator<string> {
  for await (const { resourceId, meters } of resources)
    for (const { name, type, projectId, userId } of withoutUnits(meters))
      yield JSON.stringify({ name, type, resource_id: resourceId, project_id: projectId, user_id: userId });
}

async function* resourcesOf(resources: AsyncIterable<ResourceSummary>, version: Version): AsyncGenerator<string> {
  for await (const resource of resources) {
    const { resourceId, projectId, userId, source, lastTimestamp, meters, metadata } = resource;
    const head = JSON.stringify({
      resource_id: resourceId,
      project_id: projectId,
      user_id: userId,
      source,
      timestamp: version === 'v1' ? microsecondText(lastTimestamp) : timeText(lastTimestamp),
      meter: withoutUnits(meters).map(({ name, type }) => ({ counter_name: name, counter_type: type })),
    });
    yield `${head.slice(0, -1)},"metadata":${version === 'v1' ? metadata : JSON.stringify(flatMetadata(parseJson(metadata)))}}`;
  }
}

/** In v1 the recorded messages with their signatures. */
function events({ reader, signal }: Asked, version: Version, filter: SampleFilter): Reply {
  const text = version === 'v1' ? (sample: Sample) => sample.text : oldSample;
  async function* all() {
    for await (const sample of reader.samples(filter, signal)) yield text(sample);
  }
  return version === 'v1' ? { items: all(), name: 'events' } : { items: all() };
}

/** In whole minutes. */
async function duration(asked: Asked, version: Version, filter: SampleFilter, times: Times): Promise<Reply> {
  const first = await timeOfFirst(asked, filter, false);
  const last = await timeOfFirst(asked, filter, true);
  const found = first === undefined || last === undefined ? undefined : durationOf({ first, last }, times);
  const text = version === 'v1' ? microsecondText : timeText;
  return json({
    start_timestamp: found === undefined ? null : text(found.start),
    end_timestamp: found === undefined ? null : text(found.end),
    duration: found === undefined ? null : Math.floor(found.seconds / 60),
  });
}

async function timeOfFirst({ reader, signal }: Asked, filter: SampleFilter, newestFirst: boolean) {
  for await (const { timestamp } of reader.samples({ ...filter, newestFirst, limit: 1 }, signal)) return timestamp;
  return undefined;
}

async function volume({ reader, signal }: Asked, filter: SampleFilter, which: 'max' | 'sum'): Promise<Reply> {
  let figures: Figures | undefined;
  for await (const sample of reader.samples(filter, signal)) {
    figures ??= new Figures(sample.timestamp, []);
    figures.add(sample);
  }
  return { ...json({ volume: figures?.[which] ?? null }), headers: mathsHeader };
}
