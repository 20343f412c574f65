import { decodeRecord } from './record.js';
import type { SpoolRecord } from './record.js';

/** Numbers of the segments that a file stands for: one, or all those that it replaced. */
export interface SegmentRange {
  readonly first: number;
  readonly last: number;
}

const form = /^(\d{10})-(\d{10})\.seg$/;

export function segmentName({ first, last }: SegmentRange): string {
  return `${digits(first)}-${digits(last)}.seg`;
}

/** Undefined for the name of another file. */
export function parseSegmentName(name: string): SegmentRange | undefined {
  const [, first, last] = form.exec(name) ?? [];
  return first === undefined || first > last! ? undefined : { first: Number(first), last: Number(last) };
}

/** Whether everything in the one range is in the other, which is larger. */
export function isWithin(inner: SegmentRange, outer: SegmentRange): boolean {
  return (
    inner !== outer &&
    inner.first >= outer.first &&
    inner.last <= outer.last &&
    inner.last - inner.first < outer.last - outer.first
  );
}

function digits(number: number): string {
  return String(number).padStart(10, '0');
}

/** A record, and the offset behind it. */
export interface ReadRecord {
  readonly record: SpoolRecord;
  readonly end: number;
}

export interface ReadSegment {
  readonly records: readonly ReadRecord[];
  /** Records that were passed over, since they are damaged and the next one is not. */
  readonly damaged: number;
  /** Bytes at the end that are no records: one that was cut off, or damage behind which nothing can be found. */
  readonly torn: number;
}

/** The records of a segment, or of its part that begins with a record. Bodies are views of `bytes`. */
export function readSegment(bytes: Uint8Array): ReadSegment {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const records: ReadRecord[] = [];
  let damaged = 0;
  let offset = 0;
  while (offset < buffer.length) {
    const decoded = decodeRecord(buffer, offset);
    if (decoded.state === 'whole') {
      records.push(decoded);
      offset = decoded.end;
      continue;
    }
    // Its length is believed only when a record stands behind it.
    if (decoded.state === 'short' || decoded.end === undefined) break;
    if (decodeRecord(buffer, decoded.end).state !== 'whole') break;
    damaged += 1;
    offset = decoded.end;
  }
  return { records, damaged, torn: buffer.length - offset };
}
