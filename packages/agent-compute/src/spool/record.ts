import { decodeFrame, frame } from '../disk/framing.js';
import type { Decoded } from '../disk/framing.js';

/** A message in the spool: what is sent, and what must be known without parsing it. */
export interface SpoolMessage {
  readonly exchange: string;
  readonly routingKey: string;
  readonly contentType: string;
  readonly body: Uint8Array;
  /** The number of its samples. */
  readonly samples: number;
  /** Its highest sequence number; 0 if it has none. */
  readonly last: bigint;
  /** For a report of dropped samples: its single sample has this total. */
  readonly dropped?: DroppedTotal | undefined;
}

/** The samples of a meter that this agent ever dropped. */
export interface DroppedTotal {
  readonly meter: string;
  /** Number of samples. */
  readonly total: bigint;
  /** The first and the last timestamp of samples dropped since the spool was empty. */
  readonly from: string;
  readonly to: string;
}

/**
 * How many appends of the previous segment are valid. A failing disk may have kept an append that was reported as not
 * accepted, and whose numbers were used again.
 */
export interface SegmentEnd {
  /** The last number of its range. */
  readonly segment: number;
  readonly appends: number;
}

export type SpoolRecord =
  /** The first record of each segment; `sequence` is the last number used before it. */
  | { readonly kind: 'segment'; readonly sequence: bigint; readonly before?: SegmentEnd | undefined }
  /** The number of following messages that were accepted together. */
  | { readonly kind: 'append'; readonly messages: number }
  | { readonly kind: 'message'; readonly message: SpoolMessage }
  /** All records before it, in this segment and earlier ones, are confirmed. */
  | { readonly kind: 'confirmed' };

const version = 1;

/** The consecutive records as in a file. */
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

/** The record at an offset, and its end. The body of a message is a view of `bytes`. */
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
    // The checksum is right, so it was written by other software: no known kind.
    return {};
  }
}

function wholeNumber(value: unknown): bigint | undefined {
  return typeof value === 'string' && /^\d{1,30}$/.test(value) ? BigInt(value) : undefined;
}
