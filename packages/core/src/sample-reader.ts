import type { Health } from './inspector.js';
import type { Sample } from './sample.js';

/** Which samples are meant; what is left out does not restrict. Times are ns since 1970 UTC: start included, end excluded. */
export interface SampleFilter {
  readonly meter?: string | undefined;
  readonly resourceId?: string | undefined;
  readonly projectId?: string | undefined;
  readonly userId?: string | undefined;
  readonly source?: string | undefined;
  /** Found at once where meter and resource are given too; without them a store may have to search. */
  readonly messageId?: string | undefined;
  /** Only those that were recorded beside another one, of one event with several figures: their messages have `conflicts_with`. */
  readonly conflicting?: true | undefined;
  readonly start?: bigint | undefined;
  readonly end?: bigint | undefined;
}

/** Which samples, in which order, and how many at most. */
export interface SampleQuery extends SampleFilter {
  /** By time, newest first; by default oldest first. */
  readonly newestFirst?: boolean | undefined;
  readonly limit?: number | undefined;
}

export interface MeterSummary {
  readonly name: string;
  readonly type: string;
  readonly unit: string | null;
  readonly resources: number;
  readonly samples: number;
}

export interface ResourceSummary {
  readonly resourceId: string;
  readonly projectId: string | null;
  readonly userId: string | null;
  readonly source: string;
  readonly firstTimestamp: bigint;
  readonly lastTimestamp: bigint;
  readonly meters: readonly string[];
  /** The `resource_metadata` of its latest sample, as the JSON text that was received. */
  readonly metadata: string;
}

/**
 * Reads what a {@link SampleStore} has recorded, on connections of its own. It changes nothing, holds up no recording and waits
 * for none. `start` undoes itself when it fails; `stop` is safe before `start`, twice and at the same time. Several may read
 * one database.
 *
 * Each call has a signal: once it is aborted, the call rejects with the signal's reason, and the database is no longer busy
 * with it. When the database goes away, calls fail with STORE_UNAVAILABLE; when it is back, the next one succeeds.
 */
export interface SampleReader {
  /**
   * Makes and migrates nothing.
   *
   * @throws STORE_MISSING where nothing was recorded yet, STORE_SCHEMA_OLDER and STORE_SCHEMA_NEWER for the database of another
   *   version, STORE_UNAVAILABLE; PermanentError when another try does not help
   */
  start(signal: AbortSignal): Promise<void>;
  stop(): Promise<void>;
  /**
   * Matching samples as a stream that takes no more memory when it is long. What is recorded after its first sample was asked
   * for is not part of it. What is removed meanwhile may be missing.
   *
   * @throws STORE_UNAVAILABLE
   */
  samples(query: SampleQuery, signal: AbortSignal): AsyncIterable<Sample>;
  /** @throws STORE_UNAVAILABLE */
  meters(filter: SampleFilter, signal: AbortSignal): Promise<readonly MeterSummary[]>;
  /** @throws STORE_UNAVAILABLE */
  resources(filter: SampleFilter, signal: AbortSignal): Promise<readonly ResourceSummary[]>;
  health(): Health;
}
