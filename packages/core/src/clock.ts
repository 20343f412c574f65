/** Time, handed to everything that needs it so that tests can drive it. */
export interface Clock {
  /** The wall clock: nanoseconds since 1970 UTC, at least microseconds precise. */
  now(): bigint;
  /** A clock that never jumps: nanoseconds since an arbitrary start. */
  monotonic(): bigint;
  /** Resolves after `ms` milliseconds; rejects with the signal's reason when it is aborted before. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}
