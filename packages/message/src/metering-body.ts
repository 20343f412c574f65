import { isUtf8 } from 'node:buffer';

import { NephoscopeError, describeError } from '@nephoscope/core';

import { copyOf } from './copy-of.js';
import { jsonItems, jsonMembers, jsonString } from './json-text.js';
import { maxMeteringLineBytes } from './field-rules.js';
import { splitMeteringBatch } from './metering-batch.js';
import type { UnreadableLine } from './metering-batch.js';
import { meteringContentType } from './metering-wire.js';

/**
 * The largest body that is processed, in bytes. Ours have at most 127 KiB, or one longer message; a Ceilometer
 * without `batch_size` sends a whole cycle as one. This is also the default limit of RabbitMQ 4.
 */
export const maxMeteringDocumentBytes = 16 * 1024 * 1024;

/**
 * The exact JSON texts of the metering messages of a body:
 *
 * - ours, `application/x-ndjson`: one message per line;
 * - Ceilometer's notification (`telemetry.polling`, or that of its `notifier://` publishers): `payload.samples`, or
 *   the payload itself, is an array of messages;
 * - the cast `record_metering_data` of 2012: `args.data` is a message or an array of messages;
 * - a single message.
 *
 * The latter three are one document if the content type is `application/json`, otherwise one per line, and each may
 * be in oslo's envelope. A message that is not JSON affects only itself; of an unreadable envelope nothing is used.
 */
export function* meteringTexts(
  body: Uint8Array,
  contentType: string | undefined,
): Generator<string | UnreadableLine, void, undefined> {
  for (const text of meteringSteps(body, contentType)) if (text !== undefined) yield text;
}

/**
 * Like {@link meteringTexts}, but yields `undefined` after each piece of work without a result, so that the caller
 * can interrupt it.
 */
export function* meteringSteps(body: Uint8Array, contentType: string | undefined): Steps {
  const type = contentType?.split(';', 1)[0]?.trim().toLowerCase();
  if (type === meteringContentType) return yield* splitMeteringBatch(body);
  for (const document of type === 'application/json' ? [decode(body)] : splitMeteringBatch(body)) {
    if (typeof document === 'string') yield* unframe(document);
    else yield document;
  }
}

type Steps = Generator<string | UnreadableLine | undefined, void, undefined>;
type FrameSteps = Generator<undefined, Iterable<string>, undefined>;

function decode(body: Uint8Array): string | UnreadableLine {
  if (body.length > maxMeteringDocumentBytes)
    return { reason: `a document of ${body.length} bytes, more than ${maxMeteringDocumentBytes}`, bytes: body };
  if (!isUtf8(body)) return { reason: 'a document that is not UTF-8', bytes: body };
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8');
}

function* unframe(document: string): Steps {
  let texts: Iterable<string>;
  try {
    texts = yield* messagesIn(document);
  } catch (error) {
    return yield { reason: describeError(error), bytes: Buffer.from(document) };
  }
  // A copy, because a sample outlives its document, which may be a thousand times as large.
  for (const text of texts) yield ofReadableLength(text.length === document.length ? text : copyOf(text));
}

function ofReadableLength(text: string): string | UnreadableLine {
  // A UTF-16 unit takes at most three bytes.
  if (text.length * 3 <= maxMeteringLineBytes || Buffer.byteLength(text) <= maxMeteringLineBytes) return text;
  return { reason: `a message of more than ${maxMeteringLineBytes} bytes`, bytes: Buffer.from(text) };
}

/** @throws JSON_INVALID or MESSAGE_UNREADABLE at once, before the first message */
function* messagesIn(document: string): FrameSteps {
  yield;
  const outer = jsonMembers(document);
  const enveloped = outer.get('oslo.message');
  let text = document;
  let frame = outer;
  if (enveloped !== undefined) {
    yield;
    text = jsonString(enveloped);
    yield;
    frame = jsonMembers(text);
  }
  yield;
  if (frame.has('method')) return yield* messagesOfCast(frame);
  if (frame.has('payload')) return yield* messagesOfNotification(frame);
  return [text];
}

function* messagesOfCast(frame: ReadonlyMap<string, string>): FrameSteps {
  const method = jsonString(member(frame, 'method'));
  const version = jsonString(frame.get('version') ?? '"1.0"');
  if (method !== 'record_metering_data' || !version.startsWith('1.'))
    throw unreadable(`a call of '${start(method)}' ${start(version)}, and not of record_metering_data 1.x`);
  const data = member(jsonMembers(member(frame, 'args')), 'data');
  yield;
  return data.startsWith('[') ? jsonItems(data) : [data];
}

function* messagesOfNotification(frame: ReadonlyMap<string, string>): FrameSteps {
  const payload = member(frame, 'payload');
  if (payload.startsWith('[')) return jsonItems(payload);
  const samples = payload.startsWith('{') ? jsonMembers(payload).get('samples') : undefined;
  yield;
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
