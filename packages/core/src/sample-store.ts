import type { Health } from './inspector.js';
import type { Sample } from './sample.js';

/** Which samples are meant; what is left out does not restrict. Times are ns since 1970 UTC: start included, end excluded. */
export interface SampleFilter {
  readonly meter?: string | undefined;
  readonly resourceId?: string | undefined;
  readonly projectId?: string | undefined;
  readonly userId?: string | undefined;
  readonly source?: string | undefined;
  /** Only those that were recorded beside another one, of one event with several figures: their messages have `conflicts_with`. */
  readonly conflicting?: true | undefined;
  readonly start?: bigint | undefined;
  readonly end?: bigint | undefined;
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

export interface RecordResult {
  /** Samples newly recorded. */
  readonly recorded: number;
  /** Samples whose message id was there already; they change nothing. */
  readonly duplicates: number;
}

/** For whom a store is opened: who asks for `existing` finds what was recorded, and makes and changes nothing. */
export interface StoreOpening {
  readonly existing?: boolean;
}

/**
 * Keeps samples until they are removed. `start` opens (and creates or migrates) the store and undoes itself when it
 * fails; `stop` is safe before `start`, twice and at the same time.
 */
export interface SampleStore {
  /**
   * @throws PermanentError when another try does not help, as for a wrong password; with `existing` STORE_MISSING where
   *   nothing was recorded yet, and STORE_SCHEMA_OLDER. After any other error a collector tries again
   */
  start(signal: AbortSignal, opening?: StoreOpening): Promise<void>;
  stop(): Promise<void>;
  /**
   * Records all of the batch or nothing of it; when the promise resolves it is on disk. A message id is
   * recorded once, whatever is offered again.
   *
   * @throws SAMPLE_INVALID when one of them can never be recorded, whatever becomes of the store, as for a volume that
   *   it has no room for: that sample becomes a dead letter. Any other error (STORE_UNAVAILABLE for a full disk, a lock,
   *   a lost connection) is about the store: the batch is offered again
   */
  record(samples: readonly Sample[]): Promise<RecordResult>;
  /**
   * What is recorded under the message ids of these samples for the same meters and resources: whoever offered them learns
   * by that whether the one that came first says the same.
   *
   * @throws STORE_UNAVAILABLE
   */
  recordedAs(samples: readonly Sample[]): Promise<readonly Sample[]>;
  /**
   * Removes samples whose timestamp is before `time` (ns since 1970 UTC), and none that is not. A store that keeps
   * them in partitions removes whole ones, so that some of those that are older stay. Several programs may ask at once.
   *
   * @param since what is before that stays, too
   * @returns how many samples were removed
   * @throws STORE_UNAVAILABLE
   */
  removeBefore(time: bigint, since?: bigint): Promise<number>;
  /**
   * Up to which time (ns since 1970 UTC) {@link removeBefore} has ever removed anything, by whomever it was asked: what is older
   * may be a repetition of what was removed. No later than that was done. Undefined as long as nothing was removed.
   *
   * @throws STORE_UNAVAILABLE
   */
  removedBefore(): Promise<bigint | undefined>;
  /** Matching samples by time, oldest first, as a stream; with `newestFirst` the other way round. */
  samples(
    filter: SampleFilter,
    options?: { readonly limit?: number | undefined; readonly newestFirst?: boolean | undefined },
  ): AsyncIterable<Sample>;
  meters(filter: SampleFilter): Promise<readonly MeterSummary[]>;
  resources(filter: SampleFilter): Promise<readonly ResourceSummary[]>;
  health(): Health;
}
