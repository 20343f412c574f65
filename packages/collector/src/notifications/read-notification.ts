import { isUtf8 } from 'node:buffer';

import { NephoscopeError, describeError } from '@nephoscope/core';
import type { Metadata, MetadataValue } from '@nephoscope/core';
import type { Notification } from '@nephoscope/core/notification';
import { JsonNumber, isJsonObject, jsonMembers, jsonString, parseJson } from '@nephoscope/message';
import type { JsonObject, JsonValue } from '@nephoscope/message';

/** The longest body that is read, in bytes; those of real services have some thousand. */
export const maxNotificationBytes = 4 * 1024 * 1024;

/** Maximum number of values: a bulk of 4,900 networks, which fills those bytes, has about 130,000. */
const maxNotificationValues = 200_000;

/** Maximum length of a name or an id, in characters. */
const longestName = 255;

const contextPrefix = '_context_';

/** A notification without its envelope; only the event type is read, other fields on demand. */
export interface UnwrappedNotification {
  readonly eventType: string;
  /** @throws NOTIFICATION_UNREADABLE */
  readonly fields: JsonObject;
}

/**
 * Removes oslo.messaging's envelope, `{"oslo.version": "2.0", "oslo.message": "<JSON>"}`; a bare notification is used
 * as it is. Its contents are not read yet, because most are of types that no plugin wants.
 *
 * @throws NOTIFICATION_UNREADABLE, with a text that quotes nothing of it
 */
export function unwrapNotification(body: Uint8Array): UnwrappedNotification {
  if (body.byteLength > maxNotificationBytes)
    throw unreadable(`it has ${body.byteLength} bytes, more than ${maxNotificationBytes}`);
  if (!isUtf8(body)) throw unreadable('it is not UTF-8');
  const whole = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8');
  const outer = cut(whole, 'the message');
  const isEnveloped = outer.has('oslo.version') && outer.has('oslo.message');
  const text = isEnveloped ? unwrap(outer) : whole;
  const what = isEnveloped ? 'oslo.message' : 'the message';
  let fields: JsonObject | undefined;
  return {
    eventType: eventTypeOf(isEnveloped ? cut(text, what) : outer),
    get fields() {
      return (fields ??= parseObject(text, what));
    },
  };
}

/**
 * The notification for plugins: frozen, integers beyond 2^53 as bigint, every key an own property whatever its name.
 *
 * @throws NOTIFICATION_UNREADABLE, naming the field, with a text that quotes nothing of it
 */
export function readNotification(unwrapped: UnwrappedNotification): Notification {
  const { eventType, fields } = unwrapped;
  const payload = fields.get('payload');
  if (!isJsonObject(payload))
    throw unreadable(`payload ${payload === undefined ? 'is missing' : 'is not an object'}`);
  const priority = fields.get('priority') ?? null;
  if (priority !== null && typeof priority !== 'string') throw unreadable('priority is not a string');
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

/** The members of an object as texts. If they cannot be cut out, the object is parsed to find the mistake. */
function cut(text: string, what: string): ReadonlyMap<string, string> {
  try {
    return jsonMembers(text);
  } catch {
    parseObject(text, what);
    throw unreadable(`${what} has too many members`);
  }
}

function unwrap(envelope: ReadonlyMap<string, string>): string {
  const version = textIn(envelope, 'oslo.version');
  if (version === undefined || !/^2\.\d+$/.test(version))
    throw unreadable("its envelope's oslo.version is not supported (2.x is)");
  const message = textIn(envelope, 'oslo.message');
  if (message === undefined) throw unreadable("its envelope's oslo.message is not a string");
  return message;
}

function eventTypeOf(members: ReadonlyMap<string, string>): string {
  const text = members.get('event_type') ?? 'null';
  // The error does not quote values that are not strings.
  const value = text === 'null' ? null : (textIn(members, 'event_type') ?? true);
  return name(new Map([['event_type', value]]), 'event_type');
}

function textIn(members: ReadonlyMap<string, string>, key: string): string | undefined {
  try {
    return jsonString(members.get(key) ?? '');
  } catch {
    return undefined;
  }
}

function parseObject(text: string, what: string): JsonObject {
  let value: JsonValue;
  try {
    value = parseJson(text, maxNotificationValues);
  } catch (error) {
    throw unreadable(`${what} is ${describeError(error)}`, error);
  }
  if (!isJsonObject(value)) throw unreadable(`${what} is not a JSON object`);
  return value;
}

function name(fields: JsonObject, key: string): string {
  const value = fields.get(key);
  if (value === undefined || value === null || value === '') throw unreadable(`${key} is missing`);
  if (typeof value !== 'string') throw unreadable(`${key} is not a string`);
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
  if (!Number.isFinite(number)) throw unreadable('it contains a number too large for a double (above 1e308)');
  return number;
}

function unreadable(what: string, cause?: unknown): NephoscopeError {
  return new NephoscopeError(
    'NOTIFICATION_UNREADABLE',
    `unreadable notification: ${what}`,
    cause === undefined ? {} : { cause },
  );
}
