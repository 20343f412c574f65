import { crc32 } from 'node:zlib';

/** Bytes before the payload: its length and its CRC-32, both little endian. */
export const frameHead = 8;

// No payload is near it: a length beyond it is damage.
const maxPayload = 64 * 1024 * 1024;

/** The parts of a payload, which is text, as they stand in a file; they are not copied. */
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

/** Gives the record that a payload holds; undefined for what no version of ours writes. */
export type Parse<T> = (payload: Buffer) => T | undefined;

export type Decoded<T> =
  | { readonly state: 'whole'; readonly record: T; readonly end: number }
  | { readonly state: 'short'; readonly end?: number }
  | { readonly state: 'damaged'; readonly end: number | undefined };

/**
 * The record at an offset and where it ends. `short`: the bytes end before it does; `damaged`: they are not what was
 * written, and `end` is where the next record would be, if the length is right. The payload is a view of `bytes`.
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

/** A record, and the offset behind it. */
export interface ReadRecord<T> {
  readonly record: T;
  readonly end: number;
  /** How many that are damaged stand between it and the one before. */
  readonly skipped: number;
  /** Whether one of these has zeros, which stand where something was not written yet. */
  readonly hasHole: boolean;
}

export interface ReadRecords<T> {
  readonly records: readonly ReadRecord<T>[];
  /** Records that were passed over, since they are damaged and the next one is not. */
  readonly damaged: number;
  /** Bytes at the end that are no records: one that was cut off, or damage behind which nothing can be found. */
  readonly torn: number;
}

/** The records of a file, or of its part that begins with a record. Payloads are views of `bytes`. */
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
    // Its length is believed only when a record stands behind it.
    if (decoded.state === 'short' || decoded.end === undefined) break;
    if (decodeFrame(buffer, decoded.end, parse).state !== 'whole') break;
    damaged += 1;
    skipped += 1;
    hasHole ||= buffer.subarray(offset + frameHead, decoded.end).includes(0);
    offset = decoded.end;
  }
  return { records, damaged, torn: buffer.length - offset };
}
