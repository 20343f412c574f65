import { deadline } from '@nephoscope/async';
import { NephoscopeError, counterTypes } from '@nephoscope/core';
import { JsonNumber, formatJson, isJsonObject, parseJson, volumeProblem } from '@nephoscope/message';
import type { JsonObject, JsonValue } from '@nephoscope/message';

import { MessageIds, meteringMessage } from './posted-sample.js';
import type { PostedSample } from './posted-sample.js';
import type { SamplePublisher } from './sample-publisher.js';
import type { Asked } from '../asked.js';
import { valueOfBody } from '../body.js';
import { Fault, badRequest, invalidInput } from '../fault.js';
import { booleanOf, refuseOthers, valueOf } from '../parameters.js';
import type { Reply } from '../reply.js';
import { oldForm } from '../samples.js';
import { timeOf, timeText } from '../times.js';

const needed = ['counter_name', 'counter_type', 'counter_unit', 'counter_volume', 'resource_id'];
const known: ReadonlySet<string> = new Set([
  ...needed,
  ...['source', 'user_id', 'project_id', 'timestamp', 'recorded_at', 'resource_metadata', 'message_id'],
]);

/** ms until what is posted with `direct` can be read. */
const recordTime = 10_000;

/**
 * `POST /v2/meters/{meter}`: samples of a client. The reply comes when the bus has stored them, with `direct` when they are recorded.
 */
export async function postSamples(asked: Asked, meter: string): Promise<Reply> {
  const { body, caller, parameters, publisher, signal } = asked;
  refuseOthers(parameters, ['direct']);
  const isDirect = booleanOf('direct', valueOf(parameters, 'direct') ?? 'False');
  if (caller.role === 'reader') throw new Fault(403, 'RBAC Authorization Failed: a reader posts no samples');
  if (publisher === undefined) throw new Fault(501, 'Samples are not taken here: api.posting is not set');
  const items = body === undefined ? [] : valueOfBody(body, 'array');
  if (!Array.isArray(items)) throw invalidInput('samples', formatJson(items), 'Value not a valid list');
  if (items.length === 0) throw badRequest('Samples should be included in request body');
  const ids = new MessageIds();
  const now = publisher.clock.now();
  const posted = (items as readonly JsonValue[]).map((item) => {
    const members = membersOf(item);
    const sample = sampleOf(asked, meter, members, now);
    const messageId = ids.idOf(sample, isGiven(members.get('timestamp')));
    return { sample, messageId, message: meteringMessage(sample, messageId, publisher) };
  });
  await publisher.publish(
    meter,
    posted.map(({ message }) => message),
    signal,
  );
  if (isDirect) await untilRecorded(asked, publisher, posted);
  async function* texts() {
    for (const { sample, messageId } of posted) yield await Promise.resolve(replyText(sample, messageId));
  }
  return { status: 201, items: texts() };
}

function membersOf(item: JsonValue): JsonObject {
  if (!isJsonObject(item)) throw invalidInput('samples', formatJson(item), 'Value not a valid sample');
  const strange = [...item.keys()].filter((key) => !known.has(key));
  if (strange.length > 0)
    throw badRequest(`Unknown attribute for argument samples: ${strange.join(', ').slice(0, 200)}`);
  const missing = needed.find((name) => !isGiven(item.get(name)));
  if (missing !== undefined) throw invalidInput(missing, 'None', 'Mandatory field missing.');
  return item;
}

function sampleOf(asked: Asked, meter: string, members: JsonObject, now: bigint): PostedSample {
  const { caller, publisher } = asked;
  const text = (name: string) => textOf(name, members.get(name));
  const name = text('counter_name') ?? '';
  if (name !== meter) throw invalidInput('counter_name', name, `should be ${meter}`);
  const given = members.get('message_id');
  if (isGiven(given) && given !== '')
    throw invalidInput('message_id', formatJson(given), 'The message_id must not be set');
  const type = text('counter_type') ?? '';
  if (!counterTypes.some((one) => one === type))
    throw invalidInput('counter_type', type, `The counter type must be: ${counterTypes.join(', ')}`);
  const projectId = (text('project_id') ?? '') === '' ? caller.projectId : text('project_id');
  if (caller.scope !== 'all' && caller.scope.project !== projectId)
    throw invalidInput('project_id', projectId ?? 'None', 'can not post samples to other projects');
  const source = (text('source') ?? '') === '' ? (publisher?.source ?? '') : (text('source') ?? '');
  const time = text('timestamp');
  return {
    // Whoever posts it cannot pass for a source of the cloud's own.
    source: projectId === null ? source : `${projectId}:${source}`,
    meter,
    type,
    unit: text('counter_unit') ?? '',
    volume: volumeOf(members.get('counter_volume')),
    userId: (text('user_id') ?? '') === '' ? caller.userId : text('user_id'),
    projectId,
    resourceId: notEmpty('resource_id', text('resource_id')),
    timestamp: time === null ? now : pastTimeOf(time, now),
    metadata: metadataOf(members.get('resource_metadata')),
  };
}

function isGiven(value: JsonValue | undefined): value is Exclude<JsonValue, null> {
  return value !== undefined && value !== null;
}

function textOf(name: string, value: JsonValue = null): string | null {
  if (value === null || typeof value === 'string') return value;
  throw invalidInput(name, formatJson(value), 'Wrong type: a text is expected');
}

/** How far clocks of clients may be ahead, ns. */
const furthestAhead = 86_400_000_000_000n;

function pastTimeOf(text: string, now: bigint): bigint {
  const time = timeOf(text);
  if (time <= now + furthestAhead) return time;
  throw invalidInput(
    'timestamp',
    text,
    `It is more than a day ahead of the time of this server, which is ${timeText(now)}`,
  );
}

function notEmpty(name: string, text: string | null): string {
  if (text !== null && text !== '') return text;
  throw invalidInput(name, '', 'It must not be empty: it says what the sample is of');
}

/** A number or, as in XML, the text of one; with all its digits. */
function volumeOf(value: JsonValue = null): JsonNumber {
  const number = value instanceof JsonNumber ? value : numberOf(value);
  if (number === undefined)
    throw invalidInput('counter_volume', formatJson(value), 'Wrong type: a number is expected');
  const problem = volumeProblem(number.text);
  if (problem === undefined) return number;
  throw invalidInput('counter_volume', number.text, `It ${problem}`);
}

function numberOf(value: JsonValue): JsonNumber | undefined {
  if (typeof value !== 'string') return undefined;
  try {
    const parsed = parseJson(value.trim());
    return parsed instanceof JsonNumber ? parsed : undefined;
  } catch {
    // Reported by the caller: it is no number.
    return undefined;
  }
}

function metadataOf(value: JsonValue = null): ReadonlyMap<string, string | null> {
  if (value === null) return new Map();
  if (!isJsonObject(value)) throw invalidInput('resource_metadata', formatJson(value), 'Value not a valid dict');
  return new Map(Array.from(value, ([key, one]) => [key, textOf('resource_metadata', one)]));
}

/** Collectors alone write to the store. They commit a moment after the bus has confirmed. */
async function untilRecorded(
  { reader, signal }: Asked,
  { clock }: SamplePublisher,
  posted: readonly { readonly sample: PostedSample; readonly messageId: string }[],
): Promise<void> {
  const late = new NephoscopeError(
    'SAMPLES_UNRECORDED',
    'the samples are on the bus, and no collector has recorded them yet',
  );
  const { signal: until, end } = deadline(clock, recordTime, late, signal);
  const isRecorded = async ({ sample: { meter, resourceId }, messageId }: (typeof posted)[number]) => {
    const wanted = { scope: 'all', meters: [meter], resources: [resourceId], messageId, limit: 1 } as const;
    for await (const _ of reader.samples(wanted, until)) return true;
    return false;
  };
  try {
    for (const one of posted)
      for (let pause = 10; !(await isRecorded(one)); pause = Math.min(pause * 2, 500))
        await clock.sleep(pause, until);
  } finally {
    end();
  }
}

function replyText(sample: PostedSample, messageId: string): string {
  const { metadata, volume, ...fields } = sample;
  return oldForm({ ...fields, volume: volume.text, messageId }, Object.fromEntries(metadata));
}
