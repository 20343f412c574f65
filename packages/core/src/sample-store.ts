import type { Health } from './health.js';
import type { SeriesKey } from './sample-reader.js';
import type { Sample } from './sample.js';

export interface RecordResult {
  /** Samples newly recorded. */
  readonly recorded: number;
  /** Samples whose message id was recorded before; they are ignored. */
  readonly duplicates: number;
}

/** ns since 1970 UTC. */
export interface RecordedTimes {
  readonly oldest: bigint;
  readonly newest: bigint;
}

/** What a turn of rolling up has done, and what is left. */
export interface RollupTurn {
  /** Samples before this time (ns since 1970 UTC) are rolled up; undefined where nothing was recorded yet. */
  readonly rolledBefore: bigint | undefined;
  /** Samples read, and hours of series made of them. */
  readonly samples: number;
  readonly spans: number;
  /** Late samples that were left out, because the samples that their hour was made of are no longer there. */
  readonly leftOut: number;
  /** Whether another turn has something to do now. */
  readonly isMore: boolean;
}

/** A day that was compared with its samples. */
export interface RollupCheck {
  /** Its beginning, ns since 1970 UTC. */
  readonly day: bigint;
  /** How many series were compared. */
  readonly checked: number;
  /** Those that are not what their samples say. */
  readonly different: readonly SeriesKey[];
}

/** Keeps spans of the hours and days of each series, from which figures are made, also when samples are removed. */
export interface Rollups {
  /**
   * Rolls up some of what was recorded before `time` (ns since 1970 UTC), no later than the newest sample, and again what late samples have
   * changed. One program at a time does so; killed at any moment, the next turn continues it.
   *
   * @throws STORE_BUSY when another program has rolled up meanwhile, STORE_UNAVAILABLE, the signal's reason
   */
  turn(time: bigint, signal: AbortSignal): Promise<RollupTurn>;
  /**
   * Discards what is rolled up of the days that all samples are still there of: turns make it again.
   *
   * @throws STORE_BUSY, STORE_UNAVAILABLE
   */
  rebuild(signal: AbortSignal): Promise<void>;
  /**
   * Makes the spans of each day (UTC) that all samples are left of once more, but for series with late samples, which are not rolled up
   * again yet.
   *
   * @throws STORE_UNAVAILABLE, the signal's reason
   */
  check(signal: AbortSignal): AsyncIterable<RollupCheck>;
}

/**
 * Records samples and keeps them until they are removed. They are read by a {@link SampleReader}, which shares only
 * the database. `start` opens (and creates or migrates) the database and undoes itself if it fails; `stop` is safe
 * before `start`, twice and concurrently.
 */
export interface SampleStore {
  /**
   * @throws PermanentError if a retry does not help, for example for a wrong password. After any other error a
   *   collector retries
   */
  start(signal: AbortSignal): Promise<void>;
  stop(): Promise<void>;
  /**
   * Records the whole batch or nothing; when the promise resolves, it is on disk. A message id is recorded once,
   * however often it is passed.
   *
   * @throws SAMPLE_INVALID if a sample can never be recorded, whatever happens to the store, such as a volume that it
   *   cannot represent: that sample becomes a dead letter. Any other error (STORE_UNAVAILABLE for a full disk, a
   *   lock, a lost connection) is about the store: the batch is retried
   */
  record(samples: readonly Sample[]): Promise<RecordResult>;
  /**
   * The samples recorded with the message ids, meters and resources of the given ones, by which a collector finds out
   * whether a repetition agrees with the first.
   *
   * @throws STORE_UNAVAILABLE
   */
  recordedAs(samples: readonly Sample[]): Promise<readonly Sample[]>;
  /**
   * Removes samples whose timestamp is before `time` (ns since 1970 UTC), and no others. A store with partitions
   * removes whole ones, so some older samples may stay. Several programs may call this concurrently.
   *
   * @param since samples before this time stay too
   * @returns how many samples were removed
   * @throws STORE_UNAVAILABLE
   */
  removeBefore(time: bigint, since?: bigint): Promise<number>;
  /**
   * The time (ns since 1970 UTC) up to which {@link removeBefore} has ever removed anything, in any program; never
   * later than the removal itself. An older sample may repeat a removed one. Undefined if nothing was removed yet.
   *
   * @throws STORE_UNAVAILABLE
   */
  removedBefore(): Promise<bigint | undefined>;
  /**
   * The times of the oldest and the newest sample, of all or of those before a time (ns since 1970 UTC); undefined if
   * there is none. Retention is based on these.
   *
   * @throws STORE_UNAVAILABLE
   */
  recordedTimes(before?: bigint): Promise<RecordedTimes | undefined>;
  /**
   * From its first turn on, {@link removeBefore} removes nothing that is not rolled up, and only whole hours (UTC). Left out by
   * stores that roll nothing up.
   */
  readonly rollups?: Rollups;
  health(): Health;
}
