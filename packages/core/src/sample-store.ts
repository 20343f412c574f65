import type { Health } from './inspector.js';
import type { Sample } from './sample.js';

export interface RecordResult {
  /** Samples newly recorded. */
  readonly recorded: number;
  /** Samples whose message id was there already; they change nothing. */
  readonly duplicates: number;
}

/** ns since 1970 UTC. */
export interface RecordedTimes {
  readonly oldest: bigint;
  readonly newest: bigint;
}

/**
 * Records samples and keeps them until they are removed. What was recorded is read by a {@link SampleReader}, which has
 * nothing in common with this but the database. `start` opens (and creates or migrates) the database and undoes itself when it
 * fails; `stop` is safe before `start`, twice and at the same time.
 */
export interface SampleStore {
  /**
   * @throws PermanentError when another try does not help, as for a wrong password. After any other error a collector
   *   tries again
   */
  start(signal: AbortSignal): Promise<void>;
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
  /**
   * The times of the oldest and the newest sample, of all or of those before a time (ns since 1970 UTC); undefined where there
   * is none. What retention goes by.
   *
   * @throws STORE_UNAVAILABLE
   */
  recordedTimes(before?: bigint): Promise<RecordedTimes | undefined>;
  health(): Health;
}
