import { setMaxListeners } from 'node:events';

import type { Clock } from './clock.js';

export interface Deadline {
  /** Aborted after the time, when stopped before, and in any case by `end`. */
  readonly signal: AbortSignal;
  end(): void;
}

/**
 * A time limit for an operation. It uses a controller, because Node may garbage-collect the sources of an
 * `AbortSignal.any`, and a timeout among them then never fires.
 *
 * @param late the signal's reason after `ms` milliseconds
 * @param stops abort it earlier, with their own reason
 */
export function deadline(
  clock: Pick<Clock, 'sleep'>,
  ms: number,
  late: Error,
  ...stops: readonly AbortSignal[]
): Deadline {
  const over = new AbortController();
  const { signal } = over;
  // Everything that may be late listens to it.
  setMaxListeners(0, signal);
  for (const stop of stops) {
    setMaxListeners(0, stop);
    if (stop.aborted) over.abort(stop.reason);
    stop.addEventListener('abort', () => over.abort(stop.reason), { signal });
  }
  clock.sleep(ms, signal).then(
    () => over.abort(late),
    () => undefined,
  );
  return { signal, end: () => over.abort() };
}
