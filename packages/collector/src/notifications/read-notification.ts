import { isUtf8 } from 'node:buffer';

import { JsonNumber, NephoscopeError, describeError, isJsonObject, parseJson } from '@nephoscope/core';
import type { JsonObject, JsonValue, Metadata, MetadataValue, Notification } from '@nephoscope/core';

/** The longest body that is read, in bytes; those of real services have some thousand. */
export const maxNotificationBytes = 4 * 1024 * 1024;

/** Characters of a name or an id. */
const longestName = 255;

const contextPrefix = '_context_';

/** A notification out of its envelope; of its fields only the event type is read yet. */
export interface UnwrappedNotification {
  readonly eventType: string;
  readonly fields: JsonObject;
}

/**
 * Takes a notification out of oslo.messaging's envelope, `{"oslo.version": "2.0", "oslo.message": "<JSON>"}`; a bare
 * one is taken as it is.
 *
 * @throws NOTIFICATION_UNREADABLE, with a text that quotes nothing of it
 */
export function unwrapNotification(body: Uint8Array): UnwrappedNotification {
  if (body.byteLength > maxNotificationBytes)
    throw unreadable(`it has ${body.byteLength} bytes, more than ${maxNotificationBytes}`);
  if (!isUtf8(body)) throw unreadable('it is not UTF-8');
  const outer = parseObject(
    Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8'),
    'the message',
  );
  const fields = outer.has('oslo.version') && outer.has('oslo.message') ? unwrap(outer) : outer;
  return { eventType: name(fields, 'event_type'), fields };
}

/**
 * The notification as plugins get it: frozen, integers beyond 2^53 as bigint, every key an own property whatever it
 * is called.
 *
 * @throws NOTIFICATION_UNREADABLE, naming the field, with a text that quotes nothing of it
 */
export function readNotification({ eventType, fields }: UnwrappedNotification): Notification {
  const payload = fields.get('payload');
  if (!isJsonObject(payload)) throw unreadable(`payload ${payload === undefined ? 'is missing' : 'is no object'}`);
  const priority = fields.get('priority') ?? null;
  if (priority !== null && typeof priority !== 'string') throw unreadable('priority is no text');
  const context = [...fields].filter(([key]) => key.startsWith(contextPrefix));
  return Object.freeze({
    messageId: name(fields, 'message_id'),
    eventType,
    publisherId: name(fields, 'publisher_id'),
    timestamp: name(fields, 'timestamp'),
    payload: metadata(payload),
    context: metadata(context.map(([key, value]) => [key.slice(contextPrefix.length), value])),
    priority,
  });
}

function unwrap(envelope: JsonObject): JsonObject {
  const version = envelope.get('oslo.version');
  if (typeof version !== 'string' || !/^2\.\d+$/.test(version))
    throw unreadable("its envelope's oslo.version is none that this version knows (2.x)");
  const message = envelope.get('oslo.message');
  if (typeof message !== 'string') throw unreadable("its envelope's oslo.message is no text");
  return parseObject(message, 'oslo.message');
}

function parseObject(text: string, what: string): JsonObject {
  let value: JsonValue;
  try {
    value = parseJson(text);
  } catch (error) {
    throw unreadable(`${what} is ${describeError(error)}`, error);
  }
  if (!isJsonObject(value)) throw unreadable(`${what} is no JSON object`);
  return value;
}

function name(fields: JsonObject, key: string): string {
  const value = fields.get(key);
  if (value === undefined || value === null || value === '') throw unreadable(`${key} is missing`);
  if (typeof value !== 'string') throw unreadable(`${key} is no text`);
  if (value.length > longestName) throw unreadable(`${key} has more than ${longestName} characters`);
  return value;
}

function metadata(entries: Iterable<readonly [string, JsonValue]>): Metadata {
  // Defines each key, where an assignment to `__proto__` would change the object itself.
  return Object.freeze(Object.fromEntries(Array.from(entries, ([key, value]) => [key, metadataValue(value)])));
}

function metadataValue(value: JsonValue): MetadataValue {
  if (value instanceof JsonNumber) return exactNumber(value.text);
  if (typeof value !== 'object' || value === null) return value;
  return isJsonObject(value) ? metadata(value) : Object.freeze(value.map(metadataValue));
}

function exactNumber(text: string): number | bigint {
  const number = Number(text);
  if (/^-?\d+$/.test(text)) return Number.isSafeInteger(number) ? number : BigInt(text);
  if (!Number.isFinite(number)) throw unreadable('it holds a number that no computer can hold (above 1e308)');
  return number;
}

function unreadable(what: string, cause?: unknown): NephoscopeError {
  return new NephoscopeError(
    'NOTIFICATION_UNREADABLE',
    `unreadable notification: ${what}`,
    cause === undefined ? {} : { cause },
  );
}
