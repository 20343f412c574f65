import { isUtf8 } from 'node:buffer';

import { NephoscopeError } from '../errors.js';

/** Of a body with one metering message a line. */
export const meteringContentType = 'application/x-ndjson';

/** The longest line that is read, in bytes. */
export const maxMeteringLineBytes = 1024 * 1024;

/** A line that is no text, as it came. */
export interface UnreadableLine {
  readonly reason: string;
  readonly bytes: Uint8Array;
}

/** The body for the metering messages of one meter and one cycle, each a line without its end. */
export function encodeMeteringBatch(lines: readonly string[]): Uint8Array {
  return Buffer.from(`${lines.join('\n')}\n`, 'utf8');
}

/**
 * The lines of a body, empty ones left out. Each line is decoded by itself, so that a broken one costs
 * nothing but itself.
 */
export function* splitMeteringBatch(body: Uint8Array): Generator<string | UnreadableLine, void, undefined> {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  for (let start = 0; start < bytes.length; ) {
    const lineEnd = bytes.indexOf(0x0a, start);
    const end = lineEnd < 0 ? bytes.length : lineEnd;
    if (end > start) yield decodeLine(bytes.subarray(start, end));
    start = end + 1;
  }
}

function decodeLine(bytes: Buffer): string | UnreadableLine {
  if (bytes.length > maxMeteringLineBytes) {
    return { reason: `a line of ${bytes.length} bytes, more than ${maxMeteringLineBytes}`, bytes };
  }
  return isUtf8(bytes) ? bytes.toString('utf8') : { reason: 'a line that is not UTF-8', bytes };
}

/**
 * The routing key under which the samples of a counter travel: `metering.<counter name>`.
 *
 * @throws METER_NAME when it is longer than the 255 bytes that AMQP has for it
 */
export function meteringRoutingKey(counterName: string): string {
  const key = `metering.${counterName}`;
  const length = Buffer.byteLength(key);
  if (length <= 255) return key;
  throw new NephoscopeError('METER_NAME', `the counter name '${counterName.slice(0, 60)}…' makes a routing key of ${length} bytes, and AMQP has 255: shorten its variable part`);
}
