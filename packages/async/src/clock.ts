/** The required part of a clock; the `Clock` of `@nephoscope/core` has it. */
export interface Clock {
  /** A clock that is never set: nanoseconds since an arbitrary start. */
  monotonic(): bigint;
  /** Resolves after `ms` milliseconds; rejects with the signal's reason if it is aborted first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}
