import { Backoff } from './backoff.js';
import type { Clock } from './clock.js';

export interface RetrySettings {
  readonly clock: Pick<Clock, 'sleep'>;
  /** Ends it, in a pause too. */
  readonly signal: AbortSignal;
  /** The first and the longest pause, ms; see {@link Backoff}. */
  readonly first: number;
  readonly longest: number;
  /** Called after each failure that is followed by another try, with the pause before it in ms. */
  readonly onFailure?: (error: unknown, pause: number, tries: number) => void;
  /** Which failures end it, such as `isPermanentError` of `@nephoscope/core`. */
  readonly isFinal: (error: unknown) => boolean;
}

/**
 * Does it again and again, with growing pauses, until it is done; once in any case, also when `signal` is aborted already.
 *
 * @throws the failure that ends it, or the signal's reason when it is aborted
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
