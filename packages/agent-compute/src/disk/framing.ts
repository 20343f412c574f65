import { crc32 } from 'node:zlib';

/** Bytes before the payload: its length and its CRC-32, both little endian. */
export const frameHead = 8;

// Far more than any payload: a greater length is damage.
const maxPayload = 64 * 1024 * 1024;

/** A payload (text) as it is in a file, in parts that are not copied. */
export function frame(payload: readonly Uint8Array[]): readonly Uint8Array[] {
  const head = Buffer.allocUnsafe(frameHead);
  let length = 0;
  let checksum = 0;
  for (const part of payload) {
    length += part.length;
    checksum = crc32(part, checksum);
  }
  head.writeUInt32LE(length, 0);
  head.writeUInt32LE(checksum, 4);
  return [head, ...payload.filter((part) => part.length > 0)];
}

/** Parses the record in a payload; undefined for what no version of ours writes. */
export type Parse<T> = (payload: Buffer) => T | undefined;

export type Decoded<T> =
  | { readonly state: 'whole'; readonly record: T; readonly end: number }
  | { readonly state: 'short'; readonly end?: number }
  | { readonly state: 'damaged'; readonly end: number | undefined };

/**
 * The record at an offset, and its end. `short`: the bytes end before it does; `damaged`: they are not what was
 * written, and `end` is where the next record would be if the length is right. The payload is a view of `bytes`.
 */
export function decodeFrame<T>(bytes: Buffer, offset: number, parse: Parse<T>): Decoded<T> {
  if (bytes.length - offset < frameHead) return { state: 'short' };
  const length = bytes.readUInt32LE(offset);
  // Also a hole of zeros, which a file system leaves where a file has grown and was not written.
  if (length === 0 || length > maxPayload) return { state: 'damaged', end: undefined };
  const start = offset + frameHead;
  const end = start + length;
  if (end > bytes.length) return { state: 'short', end };
  const payload = bytes.subarray(start, end);
  if (crc32(payload) !== bytes.readUInt32LE(offset + 4)) return { state: 'damaged', end };
  const record = parse(payload);
  return record === undefined ? { state: 'damaged', end } : { state: 'whole', record, end };
}

/** A record, and the offset after it. */
export interface ReadRecord<T> {
  readonly record: T;
  readonly end: number;
  /** Number of damaged records before it. */
  readonly skipped: number;
  /** Whether one of these has zeros, that is, was not written yet. */
  readonly hasHole: boolean;
}

export interface ReadRecords<T> {
  readonly records: readonly ReadRecord<T>[];
  /** Damaged records that were skipped because a valid one follows. */
  readonly damaged: number;
  /** Bytes at the end that are not records: an incomplete one, or damage after which no record was found. */
  readonly torn: number;
}

/** The records of a file, or of a part of it that begins with a record. Payloads are views of `bytes`. */
export function readFrames<T>(bytes: Uint8Array, parse: Parse<T>): ReadRecords<T> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const records: ReadRecord<T>[] = [];
  let skipped = 0;
  let hasHole = false;
  let damaged = 0;
  let offset = 0;
  while (offset < buffer.length) {
    const decoded = decodeFrame(buffer, offset, parse);
    if (decoded.state === 'whole') {
      records.push({ record: decoded.record, end: decoded.end, skipped, hasHole });
      skipped = 0;
      hasHole = false;
      offset = decoded.end;
      continue;
    }
    // Its length is trusted only if a record follows.
    if (decoded.state === 'short' || decoded.end === undefined) break;
    if (decodeFrame(buffer, decoded.end, parse).state !== 'whole') break;
    damaged += 1;
    skipped += 1;
    hasHole ||= buffer.subarray(offset + frameHead, decoded.end).includes(0);
    offset = decoded.end;
  }
  return { records, damaged, torn: buffer.length - offset };
}
