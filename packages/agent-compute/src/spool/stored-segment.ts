import type { SegmentRange } from './segment.js';

/** A segment on disk, and what must be known of it without reading it. */
export interface StoredSegment extends SegmentRange {
  readonly path: string;
  /** The last number given before its first message. */
  readonly sequence: bigint;
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
