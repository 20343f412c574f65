import { Backoff } from './backoff.js';
import type { Clock } from './clock.js';

export interface RetrySettings {
  readonly clock: Pick<Clock, 'sleep'>;
  /** Ends the loop, also during a pause. */
  readonly signal: AbortSignal;
  /** The first and the longest pause, ms; see {@link Backoff}. */
  readonly first: number;
  readonly longest: number;
  /** Called after each failure that is followed by another attempt, with the pause before it in ms. */
  readonly onFailure?: (error: unknown, pause: number, tries: number) => void;
  /** Whether a failure ends the loop, such as `isPermanentError` of `@nephoscope/core`. */
  readonly isFinal: (error: unknown) => boolean;
}

/**
 * Retries `work` with growing pauses until it succeeds; calls it at least once, even if `signal` is already aborted.
 *
 * @throws the failure that ends it, or the signal's reason if it is aborted
 */
export async function retry<T>(work: () => Promise<T>, settings: RetrySettings): Promise<T> {
  const { clock, signal, onFailure, isFinal } = settings;
  const backoff = new Backoff(settings.first, settings.longest);
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      if (isFinal(error)) throw error;
      signal.throwIfAborted();
      const pause = backoff.next();
      onFailure?.(error, pause, tries);
      await clock.sleep(pause, signal);
    }
  }
}
