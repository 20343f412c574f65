import type { Sample, SampleFilter, SamplePage } from '@nephoscope/core/sample-store';

import { nextLink, pageSize } from './asked.js';
import type { Asked } from './asked.js';
import { notFound } from './fault.js';
import { flatMetadata, metadataOf } from './metadata.js';
import { countOf, limitOf, refuseOthers, valueOf } from './parameters.js';
import { queryOf } from './query.js';
import type { Field } from './query.js';
import { json, withNumber } from './reply.js';
import type { Reply } from './reply.js';
import { timeText } from './times.js';

export const sampleFields: readonly Field[] = [
  'timestamp',
  'search_offset',
  'user',
  'project',
  'resource',
  'source',
  'meter',
  'message_id',
];

export const queryArguments = ['q.field', 'q.op', 'q.value', 'q.type'];

/** `/v2/meters/{meter}`: samples in their first form. */
export async function oldSamples(asked: Asked, meter: string): Promise<Reply> {
  return await listed(asked, (filter) => ofMeter(filter, meter), oldSample);
}

/** `/v2/samples`. */
export async function samples(asked: Asked): Promise<Reply> {
  return await listed(asked, (filter) => filter, newSample);
}

/** `/v2/samples/{id}`. */
export async function oneSample({ reader, scope, signal }: Asked, messageId: string): Promise<Reply> {
  for await (const sample of reader.samples({ scope, messageId, limit: 1 }, signal))
    return { item: newSample(sample) };
  throw notFound(`Sample ${messageId} Not Found`);
}

/** A filter that names a different meter matches nothing. */
export function ofMeter(filter: SampleFilter, meter: string): SampleFilter {
  return { ...filter, meters: filter.meters?.filter((one) => one === meter) ?? [meter] };
}

/** Newest first. If there are more than the limit, `Link` has the address of the next ones. */
async function listed(
  asked: Asked,
  narrow: (filter: SampleFilter) => SampleFilter,
  text: (sample: Sample) => string,
): Promise<Reply> {
  const { parameters, scope, options, reader, signal } = asked;
  refuseOthers(parameters, [...queryArguments, 'limit', 'cursor', 'skip']);
  const limit = limitOf(parameters) ?? options.defaultLimit;
  const query = { ...narrow(queryOf(parameters, scope, sampleFields).filter), newestFirst: true };
  const read = (size: number, cursor: string | undefined) =>
    reader.samplePage({ ...query, limit: size, cursor }, signal);
  let cursor = valueOf(parameters, 'cursor');
  for (let left = countOf('skip', valueOf(parameters, 'skip'), 1e9); left > 0; left -= pageSize) {
    cursor = (await read(Math.min(left, pageSize), cursor)).next;
    if (cursor === undefined) return json([]);
  }
  const first = await read(Math.min(limit, pageSize), cursor);
  async function* items(): AsyncGenerator<string> {
    let page: SamplePage = first;
    let left = limit;
    while (true) {
      for (const sample of page.samples) yield text(sample);
      left -= page.samples.length;
      if (page.next === undefined || left === 0) return;
      page = await read(Math.min(left, pageSize), page.next);
    }
  }
  const { next } = first;
  return { items: items(), headers: next === undefined ? {} : { link: nextLink(asked, 'cursor', next, limit) } };
}

export function oldSample(sample: Sample): string {
  return oldForm(sample, flatMetadata(metadataOf(sample.text)));
}

/** The form with `counter_…`, of a sample that is recorded or was posted. */
export function oldForm(
  sample: Pick<
    Sample,
    | 'source'
    | 'meter'
    | 'type'
    | 'unit'
    | 'volume'
    | 'userId'
    | 'projectId'
    | 'resourceId'
    | 'timestamp'
    | 'messageId'
  >,
  metadata: object,
): string {
  return withNumber('counter_volume', sample.volume, {
    source: sample.source,
    counter_name: sample.meter,
    counter_type: sample.type,
    counter_unit: sample.unit,
    user_id: sample.userId,
    project_id: sample.projectId,
    resource_id: sample.resourceId,
    timestamp: timeText(sample.timestamp),
    recorded_at: null,
    resource_metadata: metadata,
    message_id: sample.messageId,
  });
}

export function newSample(sample: Sample): string {
  return withNumber('volume', sample.volume, {
    id: sample.messageId,
    meter: sample.meter,
    type: sample.type,
    unit: sample.unit,
    user_id: sample.userId,
    project_id: sample.projectId,
    resource_id: sample.resourceId,
    source: sample.source,
    timestamp: timeText(sample.timestamp),
    recorded_at: null,
    metadata: flatMetadata(metadataOf(sample.text)),
  });
}
