import type { SegmentEnd } from './record.js';
import type { SegmentRange } from './segment.js';

/** A segment on disk, and what must be known without reading it. */
export interface StoredSegment extends SegmentRange {
  readonly path: string;
  /** The last number used before its first message. */
  readonly sequence: bigint;
  /** Its statement about the previous segment. */
  readonly before: SegmentEnd | undefined;
  /** Number of valid appends. */
  appends: number;
  /** Whether its file may contain invalid bytes after `size`, which only the next segment records. */
  hasRemains: boolean;
  /** Offset of the first message not known to be confirmed. */
  start: number;
  /** Bytes of complete records. */
  size: number;
  /** Unconfirmed messages, and their samples. */
  unconfirmed: number;
  samples: number;
  /** Those of them that were not read for sending, and their samples. */
  unread: number;
  unreadSamples: number;
  /** The time of its first sample, in the notation of timestamps; undefined while unknown. */
  oldest: string | undefined;
  /** Whether it contains a report of dropped samples. */
  hasReports: boolean;
}
