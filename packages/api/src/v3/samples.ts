import type { Sample, SampleFilter } from '@nephoscope/core/sample-store';
import { checkSample, memberSpans } from '@nephoscope/message';
import type { Verifier } from '@nephoscope/message';
import { z } from 'zod';

import { csvLine } from '../csv.js';
import { Problem } from './problem.js';
import { filterOf, pageShape, selectionShape, timesShape, whereShape } from './queries.js';
import { inRows, jsonText, mediaTypes, nextLink, route } from './route.js';

import { sampleColumns, samplePageSchema, sampleSchema, wholeSampleSchema } from './schemas.js';
import type { signatureStates } from './schemas.js';
import type { Answer } from './send.js';
import { utcText } from './times.js';

const usualPage = 100;

const query = z.object({
  ...selectionShape,
  ...timesShape,
  ...whereShape,
  order: z.enum(['newest', 'oldest']).default('newest').describe('Which samples come first.'),
  signatures: z
    .enum(['true', 'false'])
    .optional()
    .describe('Whether signatures are checked: `true` by default in a page of JSON, `false` in CSV and NDJSON.'),
  ...pageShape,
});

export const listSamples = route({
  path: '/v3/samples',
  operationId: 'listSamples',
  summary: 'Samples',
  description:
    'Recorded samples, the newest first. The pages of one query are one state of the store: what is recorded meanwhile changes none of them.',
  query,
  reply: samplePageSchema,
  row: sampleSchema,
  columns: `\`${sampleColumns.join('`, `')}\`; with \`signatures=true\` also \`signature\``,
  async answer(asked, { limit, cursor, order, signatures, ...rest }) {
    const { reader, scope, signal, format } = asked;
    const filter: SampleFilter & { newestFirst: boolean } = {
      ...filterOf(rest, scope),
      newestFirst: order === 'newest',
    };
    const isWanted = signatures === undefined ? format === 'json' : signatures === 'true';
    const verifier = isWanted ? asked.verifier : undefined;
    if (format !== 'json' && limit === undefined && cursor === undefined)
      return inRows(format, rowsOf(reader.samples(filter, signal), verifier, isWanted));
    const page = await reader.samplePage({ ...filter, limit: limit ?? usualPage, cursor }, signal);
    const headers = nextLink(asked, page.next);
    if (format !== 'json')
      return { ...inRows(format, rowsOf(page.samples, verifier, isWanted), () => page.next), headers };
    return { type: mediaTypes.json, parts: pageText(page.samples, page.next, verifier), headers };
  },
});

export const getSample = route({
  path: '/v3/samples/{message_id}',
  operationId: 'getSample',
  summary: 'One sample',
  description: 'A sample with the message that it came in.',
  names: { message_id: 'Id of its message.' },
  query: z.object({}),
  reply: wholeSampleSchema,
  async answer(asked, _, { message_id: messageId = '' }): Promise<Answer> {
    const { reader, scope, signal, verifier } = asked;
    for await (const sample of reader.samples({ scope, messageId, limit: 1 }, signal))
      return jsonText(sampleText(sample, signatureOf(sample, verifier), { message: sample.text }));
    throw new Problem('not-found', 'no such sample is recorded');
  },
});

async function* pageText(
  samples: readonly Sample[],
  next: string | undefined,
  verifier: Verifier | undefined,
): AsyncGenerator<string> {
  let text = '{"samples":[';
  for (const [at, sample] of samples.entries()) {
    text += (at === 0 ? '' : ',') + sampleText(sample, signatureOf(sample, verifier));
    if (text.length < 65_536) continue;
    yield await Promise.resolve(text);
    text = '';
  }
  yield `${text}],"next":${JSON.stringify(next ?? null)}}`;
}

function rowsOf(
  items: AsyncIterable<Sample> | readonly Sample[],
  verifier: Verifier | undefined,
  withSignature: boolean,
) {
  return {
    items,
    head: withSignature ? [...sampleColumns, 'signature'] : sampleColumns,
    csv: (sample: Sample) =>
      csvLine(withSignature ? [...cellsOf(sample), signatureOf(sample, verifier).state] : cellsOf(sample)),
    json: (sample: Sample) => sampleText(sample, signatureOf(sample, verifier)),
  };
}

/** In the order of {@link sampleColumns}. */
export function cellsOf(sample: Sample): (string | null)[] {
  const { messageId, timestamp, source, meter, type, unit, volume, projectId, userId, resourceId } = sample;
  const { epoch, publisherId, sequence } = sample;
  const what = [messageId, utcText(timestamp), source, meter, type, unit, volume, projectId, userId, resourceId];
  return [...what, epoch, publisherId, sequence === null ? null : String(sequence)];
}

/** A sample as JSON; its metadata are the text that was received, digit by digit. */
export function sampleText(sample: Sample, signature: Signature, more: object = {}): string {
  const { messageId, timestamp, source, meter, type, unit, volume, projectId, userId, resourceId } = sample;
  const { epoch, publisherId, sequence, text } = sample;
  const head = JSON.stringify({
    message_id: messageId,
    timestamp: utcText(timestamp),
    source,
    meter,
    type,
    unit,
    volume,
    project_id: projectId,
    user_id: userId,
    resource_id: resourceId,
    epoch,
    publisher_id: publisherId,
    sequence: sequence === null ? null : String(sequence),
    signature,
    ...more,
  });
  return `${head.slice(0, -1)},"metadata":${metadataText(text)}}`;
}

function metadataText(message: string): string {
  const [span] = memberSpans(message, ['resource_metadata']);
  const text = span === undefined ? 'null' : message.slice(span.start, span.end);
  // Messages of others may be written over several lines.
  return text.includes('\n') || text.includes('\r') ? text.replaceAll(/[\n\r]/g, ' ') : text;
}

export interface Signature {
  readonly state: (typeof signatureStates)[number];
  readonly form: 'canonical' | 'ceilometer' | null;
  readonly reason: string | null;
}

const notChecked: Signature = { state: 'not-checked', form: null, reason: null };

export function signatureOf(sample: Sample, verifier: Verifier | undefined): Signature {
  if (verifier === undefined) return notChecked;
  const check = checkSample(sample, verifier);
  return 'form' in check
    ? { state: 'verified', form: check.form, reason: null }
    : { state: check.problem, form: null, reason: check.reason };
}
