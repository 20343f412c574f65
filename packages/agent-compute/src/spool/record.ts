import { decodeFrame, frame } from '../disk/framing.js';
import type { Decoded } from '../disk/framing.js';

/** A message as it waits in the spool: what is on the wire, and what must be known of it without reading it. */
export interface SpoolMessage {
  readonly exchange: string;
  readonly routingKey: string;
  readonly contentType: string;
  readonly body: Uint8Array;
  /** How many samples are in it. */
  readonly samples: number;
  /** The highest sequence number in it; 0 when it has none. */
  readonly last: bigint;
  /** Of a message that says what was dropped: it holds the one sample with this total. */
  readonly dropped?: DroppedTotal | undefined;
}

/** What this agent ever dropped of a meter. */
export interface DroppedTotal {
  readonly meter: string;
  /** Samples. */
  readonly total: bigint;
  /** The first and the last timestamp of what was dropped since the spool was empty. */
  readonly from: string;
  readonly to: string;
}

/**
 * How many appends of the segment before count. A disk that failed may have kept one that was told as not taken, and of
 * which the numbers were given again.
 */
export interface SegmentEnd {
  /** The last number of its range. */
  readonly segment: number;
  readonly appends: number;
}

export type SpoolRecord =
  /** The first of each segment; `sequence` is the last number that was given before it. */
  | { readonly kind: 'segment'; readonly sequence: bigint; readonly before?: SegmentEnd | undefined }
  /** So many messages follow that were taken together. */
  | { readonly kind: 'append'; readonly messages: number }
  | { readonly kind: 'message'; readonly message: SpoolMessage }
  /** All records before it, in this segment and those before it, are confirmed. */
  | { readonly kind: 'confirmed' };

const version = 1;

/** The records as they stand in a file, one behind the other. */
export function encodeRecords(records: readonly SpoolRecord[]): Buffer {
  return Buffer.concat(recordParts(records));
}

/** The same in parts; the bodies among them are not copied. */
export function recordParts(records: readonly SpoolRecord[]): readonly Uint8Array[] {
  return records.flatMap(partsOf);
}

function partsOf(record: SpoolRecord): readonly Uint8Array[] {
  const line = Buffer.from(`${JSON.stringify(lineOf(record))}\n`);
  return frame(record.kind === 'message' ? [line, record.message.body] : [line]);
}

/** The record at an offset and where it ends. The body of a message is a view of `bytes`. */
export function decodeRecord(bytes: Buffer, offset: number): Decoded<SpoolRecord> {
  return decodeFrame(bytes, offset, recordOf);
}

function lineOf(record: SpoolRecord): object {
  if (record.kind === 'segment')
    return { kind: 'segment', version, sequence: String(record.sequence), before: record.before };
  if (record.kind === 'append') return { kind: 'append', messages: record.messages };
  if (record.kind === 'confirmed') return { kind: 'confirmed' };
  const { exchange, routingKey, contentType, samples, last, dropped } = record.message;
  const line = { kind: 'message', exchange, routingKey, contentType, samples, last: String(last) };
  return dropped === undefined ? line : { ...line, dropped: { ...dropped, total: String(dropped.total) } };
}

/** Undefined for what no version of ours writes. The body of a message is a view of `payload`. */
export function recordOf(payload: Buffer): SpoolRecord | undefined {
  const lineEnd = payload.indexOf(0x0a);
  if (lineEnd < 0) return undefined;
  const line = parse(payload.toString('utf8', 0, lineEnd));
  if (line['kind'] === 'confirmed') return { kind: 'confirmed' };
  if (line['kind'] === 'segment') {
    const sequence = wholeNumber(line['sequence']);
    if (line['version'] !== version || sequence === undefined) return undefined;
    const before = line['before'] === undefined ? undefined : segmentEndOf(line['before']);
    return before === undefined ? { kind: 'segment', sequence } : { kind: 'segment', sequence, before };
  }
  if (line['kind'] === 'append') {
    const { messages } = line;
    return isCount(messages) ? { kind: 'append', messages } : undefined;
  }
  const { kind, exchange, routingKey, contentType, samples } = line;
  const last = wholeNumber(line['last']);
  if (
    kind !== 'message' ||
    typeof exchange !== 'string' ||
    typeof routingKey !== 'string' ||
    typeof contentType !== 'string' ||
    typeof samples !== 'number' ||
    last === undefined
  )
    return undefined;
  const body = payload.subarray(lineEnd + 1);
  const message = { exchange, routingKey, contentType, body, samples, last };
  if (line['dropped'] === undefined) return { kind: 'message', message };
  const dropped = droppedOf(line['dropped'] as Record<string, unknown>);
  return dropped === undefined ? undefined : { kind: 'message', message: { ...message, dropped } };
}

function segmentEndOf(value: unknown): SegmentEnd | undefined {
  const { segment, appends } = value as Record<string, unknown>;
  return isCount(segment) && isCount(appends) ? { segment, appends } : undefined;
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function droppedOf({ meter, total, from, to }: Record<string, unknown>): DroppedTotal | undefined {
  const samples = wholeNumber(total);
  if (typeof meter !== 'string' || samples === undefined || typeof from !== 'string' || typeof to !== 'string')
    return undefined;
  return { meter, total: samples, from, to };
}

function parse(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    // Its checksum is right, so that somebody else wrote it: it has no kind that is known.
    return {};
  }
}

function wholeNumber(value: unknown): bigint | undefined {
  return typeof value === 'string' && /^\d{1,30}$/.test(value) ? BigInt(value) : undefined;
}
