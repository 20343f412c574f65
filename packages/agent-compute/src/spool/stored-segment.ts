import type { SegmentEnd } from './record.js';
import type { SegmentRange } from './segment.js';

/** A segment on disk, and what must be known of it without reading it. */
export interface StoredSegment extends SegmentRange {
  readonly path: string;
  /** The last number given before its first message. */
  readonly sequence: bigint;
  /** What it says of the segment before it. */
  readonly before: SegmentEnd | undefined;
  /** Appends that count. */
  appends: number;
  /** Whether its file may hold more than `size`, which does not count: only the next segment says so. */
  hasRemains: boolean;
  /** Offset of the first message that is not known to be confirmed. */
  start: number;
  /** Bytes, all of whole records. */
  size: number;
  /** Messages that are not confirmed, and their samples. */
  unconfirmed: number;
  samples: number;
  /** Those of the unconfirmed that were not read for sending, and their samples. */
  unread: number;
  unreadSamples: number;
  /** When its first sample was taken, as timestamps are written; undefined while nobody knows. */
  oldest: string | undefined;
  /** Whether a message in it says what was dropped. */
  hasReports: boolean;
}
