import { isUtf8 } from 'node:buffer';

import { NephoscopeError, describeError } from '../errors.js';
import { jsonItems, jsonMembers, jsonString } from './json-text.js';
import { maxMeteringLineBytes } from './field-rules.js';
import { splitMeteringBatch } from './metering-batch.js';
import type { UnreadableLine } from './metering-batch.js';
import { meteringContentType } from './metering-wire.js';

/** The longest document that is taken apart, in bytes. A Ceilometer without `batch_size` sends a whole cycle as one. */
export const maxMeteringDocumentBytes = 32 * 1024 * 1024;

/**
 * The JSON texts of the metering messages of a body, character by character as they stand in it:
 *
 * - ours, `application/x-ndjson`: one message a line;
 * - Ceilometer's notification (`telemetry.polling`, or what its `notifier://` publishers send): `payload.samples`, or the
 *   payload itself, is an array of messages;
 * - the cast `record_metering_data` of 2012: `args.data` is a message or an array of them;
 * - a message alone.
 *
 * The latter three are one document if the content type is `application/json`, else one a line, and each may stand in
 * oslo's envelope. A message that is no JSON costs nothing but itself; of a frame that cannot be read nothing is taken.
 */
export function* meteringTexts(
  body: Uint8Array,
  contentType: string | undefined,
): Generator<string | UnreadableLine, void, undefined> {
  const type = contentType?.split(';', 1)[0]?.trim().toLowerCase();
  if (type === meteringContentType) return yield* splitMeteringBatch(body);
  for (const document of type === 'application/json' ? [decode(body)] : splitMeteringBatch(body)) {
    if (typeof document === 'string') yield* unframe(document);
    else yield document;
  }
}

function decode(body: Uint8Array): string | UnreadableLine {
  if (body.length > maxMeteringDocumentBytes)
    return { reason: `a document of ${body.length} bytes, more than ${maxMeteringDocumentBytes}`, bytes: body };
  if (!isUtf8(body)) return { reason: 'a document that is not UTF-8', bytes: body };
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8');
}

function* unframe(document: string): Generator<string | UnreadableLine, void, undefined> {
  let texts: Iterable<string>;
  try {
    texts = messagesIn(document);
  } catch (error) {
    return yield { reason: describeError(error), bytes: Buffer.from(document) };
  }
  for (const text of texts) yield ofReadableLength(text);
}

function ofReadableLength(text: string): string | UnreadableLine {
  // A UTF-16 unit takes three bytes at most.
  if (text.length * 3 <= maxMeteringLineBytes || Buffer.byteLength(text) <= maxMeteringLineBytes) return text;
  return { reason: `a message of more than ${maxMeteringLineBytes} bytes`, bytes: Buffer.from(text) };
}

/** @throws JSON_INVALID or MESSAGE_UNREADABLE at once, before the first message */
function messagesIn(document: string): Iterable<string> {
  const outer = jsonMembers(document);
  const enveloped = outer.get('oslo.message');
  const text = enveloped === undefined ? document : jsonString(enveloped);
  const frame = enveloped === undefined ? outer : jsonMembers(text);
  if (frame.has('method')) return messagesOfCast(frame);
  if (frame.has('payload')) return messagesOfNotification(frame);
  return [text];
}

function messagesOfCast(frame: ReadonlyMap<string, string>): Iterable<string> {
  const method = jsonString(member(frame, 'method'));
  const version = jsonString(frame.get('version') ?? '"1.0"');
  if (method !== 'record_metering_data' || !version.startsWith('1.'))
    throw unreadable(`a call of '${start(method)}' ${start(version)}, and not of record_metering_data 1.x`);
  const data = member(jsonMembers(member(frame, 'args')), 'data');
  return data.startsWith('[') ? jsonItems(data) : [data];
}

function messagesOfNotification(frame: ReadonlyMap<string, string>): Iterable<string> {
  const payload = member(frame, 'payload');
  if (payload.startsWith('[')) return jsonItems(payload);
  const samples = payload.startsWith('{') ? jsonMembers(payload).get('samples') : undefined;
  if (samples !== undefined) return jsonItems(samples);
  throw unreadable(`a notification '${start(jsonString(member(frame, 'event_type')))}' without samples`);
}

function member(object: ReadonlyMap<string, string>, key: string): string {
  const value = object.get(key);
  if (value === undefined) throw unreadable(`'${key}' is missing`);
  return value;
}

const start = (text: string) => text.slice(0, 60);

function unreadable(what: string): NephoscopeError {
  return new NephoscopeError('MESSAGE_UNREADABLE', what);
}
