import { counterTypes, describeError, NephoscopeError, parseTimestamp } from '@nephoscope/core';
import type { Sample } from '@nephoscope/core/sample-store';

import { isCounterType } from './counter-type.js';
import { isStorableTime, isText, isTextOrNull, maxMessageValues } from './field-rules.js';
import { JsonNumber, isJsonObject, parseJson } from './json.js';
import type { JsonObject, JsonValue } from './json.js';
import { volumeProblem } from './volume-bounds.js';

/** A message for the verifier, and the sample that a store records. */
export interface ReadMessage {
  readonly message: JsonObject;
  readonly sample: Sample;
}

/** Stores keep a sequence number in 64 bits. */
const maxSequence = 2n ** 63n - 1n;

/**
 * Reads the JSON text of one metering message, ours or Ceilometer's. Unknown fields are ignored; the signature covers
 * them. Does not verify the signature.
 *
 * @throws MESSAGE_UNREADABLE naming the field; SAMPLE_WITHOUT_VOLUME
 */
export function readMeteringMessage(text: string): ReadMessage {
  const read = readRecordedMessage(text);
  const problem = volumeProblem(read.sample.volume);
  if (problem !== undefined) throw unreadable(`counter_volume ${problem}`);
  return read;
}

/**
 * The same of a message that a store has already: earlier versions recorded volumes of any size, whose signature can still be
 * checked.
 *
 * @throws as {@link readMeteringMessage}
 */
export function readRecordedMessage(text: string): ReadMessage {
  let message: JsonValue;
  try {
    message = parseJson(text, maxMessageValues);
  } catch (error) {
    throw unreadable(describeError(error), error);
  }
  if (!isJsonObject(message)) throw unreadable('the message is not an object');
  return { message, sample: sampleOf(message, text) };
}

/**
 * The sample in a parsed message, as found in Ceilometer's envelopes.
 *
 * @param text the message's own JSON text
 * @throws MESSAGE_UNREADABLE naming the field; SAMPLE_WITHOUT_VOLUME if the only problem is that its volume is null
 */
export function sampleOf(message: JsonObject, text: string): Sample {
  const type = requiredText(message, 'counter_type');
  if (!isCounterType(type)) throw unreadable(`counter_type is not one of ${counterTypes.join(', ')}`);
  const metadata = message.get('resource_metadata');
  if (metadata !== undefined && metadata !== null && !isJsonObject(metadata))
    throw unreadable('resource_metadata is not an object');
  return {
    messageId: requiredText(message, 'message_id'),
    source: optionalText(message, 'source') ?? 'openstack',
    meter: requiredText(message, 'counter_name'),
    type,
    unit: optionalText(message, 'counter_unit'),
    userId: optionalText(message, 'user_id'),
    projectId: optionalText(message, 'project_id'),
    resourceId: requiredText(message, 'resource_id'),
    timestamp: timestampOf(message),
    publisherId: optionalText(message, 'publisher_id'),
    sequence: sequenceOf(message),
    epoch: optionalText(message, 'epoch'),
    text,
    // Last, so that a message reported as without a volume is otherwise valid.
    volume: volumeOf(message),
  };
}

function requiredText(message: JsonObject, key: string): string {
  const value = message.get(key);
  if (value === undefined) throw unreadable(`${key} is missing`);
  if (!isText(value)) throw unreadable(`${key} is not a string`);
  return value;
}

function optionalText(message: JsonObject, key: string): string | null {
  const value = message.get(key) ?? null;
  if (!isTextOrNull(value)) throw unreadable(`${key} is not a string`);
  return value;
}

function volumeOf(message: JsonObject): string {
  const value = message.get('counter_volume');
  if (value === undefined) throw unreadable('counter_volume is missing');
  if (value === null)
    throw new NephoscopeError('SAMPLE_WITHOUT_VOLUME', 'counter_volume is null: nothing was measured');
  if (!(value instanceof JsonNumber)) throw unreadable('counter_volume is not a number');
  return value.text;
}

function sequenceOf(message: JsonObject): bigint | null {
  const value = message.get('sequence') ?? null;
  if (value === null) return null;
  const sequence = value instanceof JsonNumber && /^\d{1,19}$/.test(value.text) ? BigInt(value.text) : undefined;
  if (sequence === undefined || sequence > maxSequence)
    throw unreadable(`sequence is not an integer from 0 to ${maxSequence}`);
  return sequence;
}

function timestampOf(message: JsonObject): bigint {
  const text = requiredText(message, 'timestamp');
  let timestamp: bigint;
  try {
    timestamp = parseTimestamp(text);
  } catch (error) {
    throw unreadable(`timestamp ${describeError(error)}`, error);
  }
  if (!isStorableTime(timestamp))
    throw unreadable(
      `timestamp ${text} is not between the years 1678 and 2262, which 64 bits of nanoseconds hold`,
    );
  return timestamp;
}

function unreadable(what: string, cause?: unknown): NephoscopeError {
  return new NephoscopeError(
    'MESSAGE_UNREADABLE',
    `unreadable metering message: ${what}`,
    cause === undefined ? {} : { cause },
  );
}
