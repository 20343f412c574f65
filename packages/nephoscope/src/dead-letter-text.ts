import { isJsonObject, parseJson } from '@nephoscope/core';
import type { DeadLetter, JsonValue } from '@nephoscope/core';

/** Bytes of a body that are looked into. */
const longestRead = 1024 * 1024;

/** Characters of a body that nothing is known about. */
const longestExcerpt = 60;

/** What a dead letter seems to be, for a table: whoever sent it chose these words, so nothing of it is believed. */
export function describeDeadLetter({ body }: Pick<DeadLetter, 'body'>): string {
  if (body.byteLength === 0) return '(empty)';
  const text = utf8(body.subarray(0, longestRead));
  if (text === undefined) return '(not UTF-8)';
  const lines = text.split('\n').filter((line) => line !== '');
  const known = knownText(lines[0] ?? '');
  if (known === undefined) return text.length > longestExcerpt ? `${text.slice(0, longestExcerpt)}…` : text;
  return lines.length === 1 ? known : `${known} and ${lines.length - 1} more`;
}

/** A dead letter as one line of JSON, wholly: the body as text, or in base64 where it is none. */
export function deadLetterLine({ at, reason, routingKey, contentType, body }: DeadLetter): string {
  const text = utf8(body);
  return JSON.stringify({
    at: at ?? null,
    reason: reason ?? null,
    routing_key: routingKey ?? null,
    content_type: contentType ?? null,
    bytes: body.byteLength,
    ...(text === undefined ? { body_base64: Buffer.from(body).toString('base64') } : { body: text }),
  });
}

/** A metering message or a notification, by what identifies it. */
function knownText(line: string): string | undefined {
  const fields = jsonOf(line);
  const wrapped = member(fields, 'oslo.message');
  const inner = typeof wrapped === 'string' ? jsonOf(wrapped) : fields;
  const name = [member(inner, 'counter_name'), member(inner, 'event_type')].find(isText);
  if (name === undefined) return undefined;
  const from = [member(inner, 'resource_id'), member(inner, 'publisher_id')].find(isText);
  const id = member(inner, 'message_id');
  return [name, ...(from === undefined ? [] : ['of', from]), ...(isText(id) ? [`(${id})`] : [])].join(' ');
}

function jsonOf(text: string): JsonValue | undefined {
  try {
    return parseJson(text);
  } catch {
    // A letter may lie here for just that.
    return undefined;
  }
}

function member(value: JsonValue | undefined, key: string): JsonValue | undefined {
  return isJsonObject(value) ? value.get(key) : undefined;
}

function isText(value: JsonValue | undefined): value is string {
  return typeof value === 'string';
}

function utf8(bytes: Uint8Array): string | undefined {
  try {
    // Without `ignoreBOM` a byte order mark would vanish.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
