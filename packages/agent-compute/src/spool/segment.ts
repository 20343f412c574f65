import { readFrames } from '../disk/framing.js';
import type { ReadRecords } from '../disk/framing.js';
import { recordOf } from './record.js';
import type { SpoolRecord } from './record.js';

/** The numbers of the segments in a file: one, or all those that it replaced. */
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

/** Whether the inner range is part of the larger outer one. */
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

export type ReadSegment = ReadRecords<SpoolRecord>;

/** The records of a segment, or of a part of it that begins with a record. Bodies are views of `bytes`. */
export function readSegment(bytes: Uint8Array): ReadSegment {
  return readFrames(bytes, recordOf);
}
