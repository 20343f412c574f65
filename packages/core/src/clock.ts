/** A source of time, passed to everything that needs it so that tests can control it. */
export interface Clock {
  /** The wall clock: nanoseconds since 1970 UTC, with microsecond precision or better. */
  now(): bigint;
  /** A clock that is never set: nanoseconds since an arbitrary start. */
  monotonic(): bigint;
  /** Resolves after `ms` milliseconds; rejects with the signal's reason if it is aborted first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}
