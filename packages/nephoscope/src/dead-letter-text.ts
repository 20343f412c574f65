import { decompressed } from '@nephoscope/collector';
import type { DeadLetter } from '@nephoscope/core/message-bus';
import { isJsonObject, parseJson } from '@nephoscope/message';
import type { JsonValue } from '@nephoscope/message';

/** Maximum length of a body that is examined, in bytes. */
const longestRead = 1024 * 1024;

/** Displayed length of an unknown body, characters. */
const longestExcerpt = 60;

/** A summary of a dead letter for a table. Its sender chose the contents, so they are not trusted. */
export function describeDeadLetter({ body }: Pick<DeadLetter, 'body'>): string {
  if (body.byteLength === 0) return '(empty)';
  const text = beginningOf(body);
  if (text === undefined) return '(not UTF-8)';
  const lines = linesOf(text);
  const known = knownText(lines[0] ?? '');
  if (known === undefined) return text.length > longestExcerpt ? `${text.slice(0, longestExcerpt)}…` : text;
  return lines.length === 1 ? known : `${known} and ${lines.length - 1} more`;
}

/** The first publisher named in it, unverified; undefined if none is named. */
export function publisherOf({ body }: Pick<DeadLetter, 'body'>): string | undefined {
  const publishers = new Set(
    linesOf(beginningOf(body) ?? '')
      .map((line) => member(fieldsOf(line), 'publisher_id'))
      .filter(isText),
  );
  const [first] = publishers;
  return first === undefined || publishers.size === 1 ? first : `${first} and ${publishers.size - 1} more`;
}

/**
 * The body before compression by the sender's library; unchanged if it cannot be decompressed, or is longer than what
 * is examined.
 */
export async function uncompressed<L extends Pick<DeadLetter, 'body' | 'compression'>>(deadLetter: L): Promise<L> {
  try {
    return { ...deadLetter, body: await decompressed(deadLetter, longestRead) };
  } catch {
    return deadLetter;
  }
}

/** A complete dead letter as one line of JSON: the body as text, or in base64 if it is not text. */
export async function deadLetterLine(deadLetter: DeadLetter): Promise<string> {
  const { at, reason, routingKey, contentType, compression, body } = deadLetter;
  const text = utf8(body);
  return JSON.stringify({
    at: at ?? null,
    reason: reason ?? null,
    publisher: publisherOf(await uncompressed(deadLetter)) ?? null,
    routing_key: routingKey ?? null,
    content_type: contentType ?? null,
    ...(compression !== undefined && { compression }),
    bytes: body.byteLength,
    ...(text === undefined ? { body_base64: Buffer.from(body).toString('base64') } : { body: text }),
  });
}

/** A metering message or a notification, by what identifies it. */
function knownText(line: string): string | undefined {
  const inner = fieldsOf(line);
  const name = [member(inner, 'counter_name'), member(inner, 'event_type')].find(isText);
  if (name === undefined) return undefined;
  const from = [member(inner, 'resource_id'), member(inner, 'publisher_id')].find(isText);
  const id = member(inner, 'message_id');
  return [name, ...(from === undefined ? [] : ['of', from]), ...(isText(id) ? [`(${id})`] : [])].join(' ');
}

/** The message in oslo.messaging's envelope. */
function fieldsOf(line: string): JsonValue | undefined {
  const fields = jsonOf(line);
  const wrapped = member(fields, 'oslo.message');
  return typeof wrapped === 'string' ? jsonOf(wrapped) : fields;
}

function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}

function jsonOf(text: string): JsonValue | undefined {
  try {
    return parseJson(text);
  } catch {
    // This may be the very reason for the dead letter.
    return undefined;
  }
}

function member(value: JsonValue | undefined, key: string): JsonValue | undefined {
  return isJsonObject(value) ? value.get(key) : undefined;
}

function isText(value: JsonValue | undefined): value is string {
  return typeof value === 'string';
}

function beginningOf(body: Uint8Array): string | undefined {
  return utf8(body.subarray(0, longestRead), body.byteLength > longestRead);
}

/** @param isCut whether it may end within a character */
function utf8(bytes: Uint8Array, isCut = false): string | undefined {
  try {
    // Without `ignoreBOM` a byte order mark would be removed.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes, { stream: isCut });
  } catch {
    return undefined;
  }
}
