import type { MeterSummary, ResourceSummary, SampleFilter } from '@nephoscope/core/sample-store';
import { parseJson } from '@nephoscope/message';

import { nextLink, pageSize } from './asked.js';
import type { Asked } from './asked.js';
import { notFound } from './fault.js';
import { flatMetadata } from './metadata.js';
import { booleanOf, countOf, limitOf, refuseOthers, valueOf } from './parameters.js';
import { queryOf } from './query.js';
import type { Field } from './query.js';
import { moreHeader } from './reply.js';
import type { Reply } from './reply.js';
import { queryArguments } from './samples.js';
import { timeText } from './times.js';

const resourceFields: readonly Field[] = ['timestamp', 'search_offset', 'user', 'project', 'resource', 'source'];
const meterFields: readonly Field[] = ['user', 'project', 'resource', 'source'];

/** `/v2/resources`. If there are more than the limit, `Link` has the address of the next ones. */
export async function resources(asked: Asked): Promise<Reply> {
  const { parameters, scope, options } = asked;
  refuseOthers(parameters, [...queryArguments, 'limit', 'meter_links', 'after', 'skip']);
  const limit = limitOf(parameters) ?? options.defaultLimit;
  const withMeters = countOf('meter_links', valueOf(parameters, 'meter_links') ?? '1', 1) === 1;
  const { filter } = queryOf(parameters, scope, resourceFields);
  return await upTo(asked, limit, found(asked, filter), {
    text: (one) => resourceText(asked, one, withMeters),
    place: ({ resourceId }) => resourceId,
  });
}

/** `/v2/resources/{resource}`. */
export async function oneResource(asked: Asked, id: string): Promise<Reply> {
  refuseOthers(asked.parameters, []);
  // Slashes are escaped twice.
  for (const name of new Set([id, unescaped(id)]))
    for await (const resource of found(asked, { scope: asked.scope, resources: [name] }))
      return { item: resourceText(asked, resource, true) };
  throw notFound(`Resource ${id} Not Found`);
}

/** `/v2/meters`: the meters of each resource whose latest sample matches. */
export async function meters(asked: Asked): Promise<Reply> {
  const { parameters, scope, options } = asked;
  refuseOthers(parameters, [...queryArguments, 'limit', 'unique', 'after', 'skip']);
  const limit = limitOf(parameters) ?? options.defaultLimit;
  const isUnique = booleanOf('unique', valueOf(parameters, 'unique') ?? 'False');
  const { filter } = queryOf(parameters, scope, meterFields);
  if (isUnique) {
    const all = await asked.reader.meters(filter, asked.signal);
    return { items: uniqueMeters(all.slice(0, limit)), headers: all.length > limit ? moreHeader : {} };
  }
  return await upTo(asked, limit, latestMeters(asked, filter), {
    text: ({ resource, meter }) => meterText(resource, meter),
    place: ({ resource, at }) => `${resource.resourceId}\n${at}`,
  });
}

type ResourceMeter = ResourceSummary['meters'][number];

interface MeterOfResource {
  readonly resource: ResourceSummary;
  readonly meter: ResourceMeter;
  /** Its position among the meters of the resource, from 1. */
  readonly at: number;
}

/** The number of resources that are compared at once. */
const batch = 200;

async function* latestMeters(asked: Asked, filter: SampleFilter): AsyncGenerator<MeterOfResource, undefined> {
  const { reader, scope, signal, parameters } = asked;
  const [afterId, afterMeter = '0'] = valueOf(parameters, 'after')?.split('\n') ?? [];
  const isRestricted = filter.users ?? filter.projects ?? filter.sources ?? filter.metadata?.[0];
  for await (const some of inBatches(foundFrom(asked, filter, afterId))) {
    const latest = new Map<string, ResourceSummary>();
    if (isRestricted !== undefined)
      for await (const one of reader.resources(
        { scope, resources: some.map(({ resourceId }) => resourceId) },
        signal,
      ))
        latest.set(one.resourceId, one);
    for (const resource of some)
      for (const [index, meter] of resource.meters.entries()) {
        const at = index + 1;
        if (resource.resourceId === afterId && at <= Number(afterMeter)) continue;
        const whole = latest.get(resource.resourceId)?.meters.find((one) => isSame(one, meter));
        if (whole === undefined || whole.lastTimestamp === meter.lastTimestamp) yield { resource, meter, at };
      }
  }
  return undefined;
}

function isSame(one: ResourceMeter, other: ResourceMeter): boolean {
  return one.name === other.name && one.type === other.type && one.unit === other.unit;
}

async function* inBatches<T>(items: AsyncIterable<T>): AsyncGenerator<readonly T[]> {
  let some: T[] = [];
  for await (const item of items) {
    some.push(item);
    if (some.length < batch) continue;
    yield some;
    some = [];
  }
  if (some.length > 0) yield some;
}

/** The resource itself, and the following ones. */
async function* foundFrom(
  asked: Asked,
  filter: SampleFilter,
  id: string | undefined,
): AsyncGenerator<ResourceSummary> {
  const { reader, signal } = asked;
  if (id === undefined || id === '') return yield* reader.resources(filter, signal);
  if (filter.resources?.includes(id) !== false) yield* reader.resources({ ...filter, resources: [id] }, signal);
  yield* reader.resources({ ...filter, after: id }, signal);
}

/** One of each name; fields that differ between resources are null. */
async function* uniqueMeters(meters: readonly MeterSummary[]): AsyncGenerator<string> {
  for (const { name, type, unit } of meters) {
    const nothing = { resource_id: null, project_id: null, user_id: null, source: null };
    const text = JSON.stringify({ name, type, unit, ...nothing, meter_id: meterId('None', name) });
    yield await Promise.resolve(text);
  }
}

async function* found(
  { reader, signal, parameters }: Asked,
  filter: SampleFilter,
): AsyncGenerator<ResourceSummary, undefined> {
  yield* reader.resources({ ...filter, after: valueOf(parameters, 'after') }, signal);
  return undefined;
}

/** Items up to the limit, and a `Link` if there are more. Those of the first page are read before the reply begins. */
async function upTo<T>(
  asked: Asked,
  limit: number,
  items: AsyncGenerator<T, undefined>,
  { text, place }: { readonly text: (item: T) => string; readonly place: (item: T) => string },
): Promise<Reply> {
  const size = Math.min(limit, pageSize);
  const some: T[] = [];
  let next = await items.next();
  for (
    let left = countOf('skip', valueOf(asked.parameters, 'skip'), 1e9);
    left > 0 && next.done !== true;
    left -= 1
  )
    next = await items.next();
  while (some.length < size && next.done !== true) {
    some.push(next.value);
    next = await items.next();
  }
  const last = some.at(-1);
  const headers =
    next.done === true || last === undefined ? {} : { link: nextLink(asked, 'after', place(last), limit) };
  if (limit === size) await items.return(undefined);
  async function* texts() {
    for (const item of some) yield text(item);
    for (let left = limit - size; left > 0 && next.done !== true; left -= 1) {
      yield text(next.value);
      next = await items.next();
    }
    await items.return(undefined);
  }
  return { items: texts(), headers };
}

function resourceText({ origin }: Asked, resource: ResourceSummary, withMeters: boolean): string {
  const { resourceId, projectId, userId, source, firstTimestamp, lastTimestamp, metadata } = resource;
  const names = [...new Set(resource.meters.map(({ name }) => name))];
  const ofResource = `q.field=resource_id&q.value=${encodeURIComponent(resourceId)}`;
  const links = names.map((name) => ({
    href: `${origin}/v2/meters/${encodeURIComponent(name)}?${ofResource}`,
    rel: name,
  }));
  return JSON.stringify({
    resource_id: resourceId,
    project_id: projectId,
    user_id: userId,
    source,
    first_sample_timestamp: timeText(firstTimestamp),
    last_sample_timestamp: timeText(lastTimestamp),
    timestamp: timeText(lastTimestamp),
    metadata: flatMetadata(parseJson(metadata)),
    meter: resource.meters.map(({ name, type }) => ({ counter_name: name, counter_type: type })),
    links: [
      { href: `${origin}/v2/resources/${encodeURIComponent(resourceId)}`, rel: 'self' },
      ...(withMeters ? links : []),
    ],
  });
}

function meterText({ resourceId }: ResourceSummary, meter: ResourceMeter): string {
  const { name, type, unit, projectId, userId, source } = meter;
  return JSON.stringify({
    name,
    type,
    unit,
    resource_id: resourceId,
    project_id: projectId,
    user_id: userId,
    source,
    meter_id: meterId(resourceId, name),
  });
}

function meterId(resourceId: string, name: string): string {
  return Buffer.from(`${resourceId}+${name}`).toString('base64');
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
