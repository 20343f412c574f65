/** What is needed of a clock; the `Clock` of `@nephoscope/core` is one. */
export interface Clock {
  /** A clock that never jumps: nanoseconds since an arbitrary start. */
  monotonic(): bigint;
  /** Resolves after `ms` milliseconds; rejects with the signal's reason when it is aborted before. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}
