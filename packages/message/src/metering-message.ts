import { NephoscopeError, formatTimestamp } from '@nephoscope/core';
import type { Counter, Metadata } from '@nephoscope/core';

import { isCounterType } from './counter-type.js';
import { isStorableTime, isText, isTextOrNull, maxMeteringLineBytes, maxNumberLength } from './field-rules.js';
import { JsonNumber, quoteJson } from './json.js';
import { isDeepFrozen, writeMetadata } from './metadata.js';
import type { FormWriter } from './signature-form.js';
import type { Signer } from './signature.js';
import { volumeProblem } from './volume-bounds.js';

/** The fields of a metering message besides its counter. */
export interface MeteringEnvelope {
  /** The system of the counter; `openstack` unless configured. */
  readonly source: string;
  /** Unique; a store records a message id once. */
  readonly messageId: string;
  /** The agent that created the message. */
  readonly publisherId: string;
  /**
   * The message's number among those of its agent. A publisher with derived message ids, which may send a message
   * twice, uses no numbers, because a number that is not recorded would look like a lost sample.
   */
  readonly sequence?: bigint | undefined;
  /** For a cumulative counter: the run of the resource from which its volume counts. */
  readonly epoch?: string | undefined;
}

/**
 * The signed metering message of a counter: one line of JSON without a line end.
 *
 * Its keys are Ceilometer's and `publisher_id`, `sequence`, `epoch` (if any), `signature_form` and, in the canonical
 * form, `signature_key`, all in signing order, followed by `message_signature`. A `bigint` volume is a JSON integer
 * with all its digits, a number the shortest text that reads back.
 *
 * The message always passes `sampleOf`: a message that it would refuse is not signed.
 *
 * @throws METER_VOLUME if the volume is NaN, infinite or not a number, or has more than 400 digits
 * @throws COUNTER_INVALID if a field has the wrong type or cannot be written as JSON, or the line is over 1 MiB
 */
export function signMeteringMessage(counter: Counter, envelope: MeteringEnvelope, signer: Signer): string {
  const { key, writer } = signer;
  const { epoch } = envelope;
  const fields = 13 + [epoch, envelope.sequence, key].filter((field) => field !== undefined).length;
  const meter = meterFields(counter, writer);
  const volume = numberField('counter_volume', finiteVolume(counter), writer);
  const run = epoch === undefined ? nothing : epochField(epoch, writer);
  const id = textField('message_id', envelope.messageId, writer);
  const resource = resourceFields(counter, envelope, writer);
  const sequence = envelope.sequence === undefined ? nothing : numberField('sequence', envelope.sequence, writer);
  const origin = originFields(envelope.source, signer);
  const time = timestampField(counter.timestamp, writer);

  // The long part, which many messages share, is not copied for each.
  const signature = signer.sign(
    writer.head(fields) + meter.signed + volume.signed + run.signed + id.signed,
    resource.beforeSequence.signed,
    sequence.signed + origin.signed + time.signed + resource.afterTimestamp.signed,
  );
  const line =
    `{${meter.json}${volume.json}${run.json}${id.json}${resource.beforeSequence.json}` +
    `${sequence.json}${origin.json}${time.json}${resource.afterTimestamp.json}` +
    `"message_signature":"${signature}"}`;
  // A UTF-16 unit takes at most three bytes.
  if (line.length * 3 > maxMeteringLineBytes && Buffer.byteLength(line) > maxMeteringLineBytes)
    throw new NephoscopeError(
      'COUNTER_INVALID',
      `the counter '${counter.name.slice(0, 100)}' for '${counter.resourceId.slice(0, 100)}' makes a message of more than ${maxMeteringLineBytes} bytes, which no collector reads`,
    );
  return line;
}

/** Fields of a message, as JSON with a comma after each, and as in the signed text. */
interface Fields {
  readonly json: string;
  readonly signed: string;
}

const nothing: Fields = { json: '', signed: '' };

function textField(key: string, value: string | null, writer: FormWriter): Fields {
  if (!isTextOrNull(value))
    throw new NephoscopeError('COUNTER_INVALID', `${key} of a counter is neither text nor null`);
  if (value === null) return { json: `"${key}":null,`, signed: writer.field(key, null) };
  if (value.isWellFormed()) return { json: `"${key}":${quoteJson(value)},`, signed: writer.field(key, value) };
  throw new NephoscopeError(
    'COUNTER_INVALID',
    `${key} of a counter holds half a surrogate pair, which JSON cannot hold: ${JSON.stringify(value.slice(0, 60))}`,
  );
}

function numberField(key: string, value: number | bigint, writer: FormWriter): Fields {
  const digits = String(value);
  if (digits.length > maxNumberLength)
    throw new NephoscopeError('METER_VOLUME', `${key} is a number of more than ${maxNumberLength} digits`);
  return { json: `"${key}":${digits},`, signed: writer.field(key, new JsonNumber(digits)) };
}

function join(...fields: readonly Fields[]): Fields {
  return {
    json: flat(fields.map(({ json }) => json).join('')),
    signed: flat(fields.map(({ signed }) => signed).join('')),
  };
}

/**
 * The same text as a flat string. V8 keeps a concatenated string as a tree of its parts, which is traversed at each
 * use.
 */
function flat(text: string): string {
  return Buffer.from(text, 'utf8').toString('utf8');
}

// An agent writes about ten thousand messages a cycle, and most of their fields repeat: those of a meter and of a
// resource are constant over many cycles, and an instance's counters share time and epoch. Each is written once,
// which saves half of the cost of a message.

interface MeterFields extends Fields {
  readonly writer: FormWriter;
  readonly type: string;
  readonly unit: string;
}

const meters = new Map<string, MeterFields>();
// A meter's name may have a variable part, which comes from outside.
const maxMeters = 10_000;

function meterFields({ name, type, unit }: Counter, writer: FormWriter): Fields {
  const known = meters.get(name);
  if (known?.type === type && known.unit === unit && known.writer === writer) return known;
  if (!isText(name) || !isCounterType(type))
    throw new NephoscopeError('COUNTER_INVALID', 'a counter has no name, or a type that there is not');
  const fields = join(
    textField('counter_name', name, writer),
    textField('counter_type', type, writer),
    textField('counter_unit', unit, writer),
  );
  if (meters.size >= maxMeters) meters.clear();
  meters.set(name, { ...fields, writer, type, unit });
  return fields;
}

interface ResourceFields {
  readonly writer: FormWriter;
  readonly source: string;
  readonly publisherId: string;
  readonly projectId: string | null;
  readonly resourceId: string;
  readonly userId: string | null;
  readonly beforeSequence: Fields;
  readonly afterTimestamp: Fields;
}

// By the metadata object, which all counters of a resource share. This requires an object that cannot change.
const resources = new WeakMap<Metadata, ResourceFields>();

function resourceFields(counter: Counter, envelope: MeteringEnvelope, writer: FormWriter): ResourceFields {
  const { projectId, resourceId, userId, resourceMetadata } = counter;
  const { source, publisherId } = envelope;
  const known = resources.get(resourceMetadata);
  if (
    known?.resourceId === resourceId &&
    known.projectId === projectId &&
    known.userId === userId &&
    known.publisherId === publisherId &&
    known.source === source &&
    known.writer === writer
  )
    return known;
  if (!isText(resourceId))
    throw new NephoscopeError('COUNTER_INVALID', `the counter '${counter.name.slice(0, 100)}' has no resource id`);
  const metadata = writeMetadata(resourceMetadata, writer);
  // No spread: V8 would create a hidden class for each object, as large as the object.
  const fields = {
    writer,
    source,
    publisherId,
    projectId,
    resourceId,
    userId,
    beforeSequence: join(
      textField('project_id', projectId, writer),
      textField('publisher_id', publisherId, writer),
      textField('resource_id', resourceId, writer),
      { json: `"resource_metadata":${metadata.json},`, signed: metadata.signed },
    ),
    afterTimestamp: join(textField('user_id', userId, writer)),
  };
  if (isDeepFrozen(resourceMetadata)) resources.set(resourceMetadata, fields);
  return fields;
}

let origin: { readonly source: string; readonly signer: Signer; readonly fields: Fields } | undefined;

function originFields(source: string, signer: Signer): Fields {
  if (origin?.source === source && origin.signer === signer) return origin.fields;
  const { key, writer } = signer;
  const fields = join(
    textField('signature_form', writer.name, writer),
    key === undefined ? nothing : textField('signature_key', key, writer),
    textField('source', source, writer),
  );
  origin = { source, signer, fields };
  return fields;
}

const epochField = rememberingLast((epoch: string, writer) => textField('epoch', epoch, writer));

const timestampField = rememberingLast((timestamp: bigint, writer) => {
  if (typeof timestamp !== 'bigint' || !isStorableTime(timestamp))
    throw new NephoscopeError(
      'COUNTER_INVALID',
      'the timestamp of a counter is not a bigint of nanoseconds since 1970, in the years 1678 to 2262',
    );
  return textField('timestamp', formatTimestamp(timestamp), writer);
});

function rememberingLast<T>(write: (value: T, writer: FormWriter) => Fields) {
  let last: { readonly value: T; readonly writer: FormWriter; readonly fields: Fields } | undefined;
  return (value: T, writer: FormWriter): Fields => {
    if (last?.value !== value || last.writer !== writer) last = { value, writer, fields: write(value, writer) };
    return last.fields;
  };
}

function finiteVolume({ name, resourceId, volume }: Counter): number | bigint {
  // The numbers of JavaScript all fit.
  const problem = typeof volume === 'bigint' ? volumeProblem(volume) : undefined;
  if (problem !== undefined)
    throw new NephoscopeError('METER_VOLUME', `the volume of '${name}' for '${resourceId}' ${problem}`);
  if (typeof volume === 'bigint' || Number.isFinite(volume)) return volume;
  throw new NephoscopeError(
    'METER_VOLUME',
    `the volume of '${name}' for '${resourceId}' is ${String(volume).slice(0, 60)}: a volume is a finite number, and a missing figure is not sent`,
  );
}
