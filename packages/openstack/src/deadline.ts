import { setMaxListeners } from 'node:events';

/**
 * Runs something that must end in time. Made of a controller, since Node may collect the parts of an
 * `AbortSignal.any`, and a timeout among them then never comes.
 *
 * @param late what the signal is aborted with after `ms` milliseconds
 * @param stops abort it before, with their own reason
 */
export async function within<T>(
  ms: number,
  late: Error,
  stops: readonly AbortSignal[],
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const over = new AbortController();
  setMaxListeners(0, over.signal);
  const done = new AbortController();
  for (const stop of stops) {
    stop.throwIfAborted();
    // As many requests as there are listen to it at once.
    setMaxListeners(0, stop);
    stop.addEventListener('abort', () => over.abort(stop.reason), { signal: done.signal });
  }
  const timer = setTimeout(() => over.abort(late), ms);
  try {
    return await run(over.signal);
  } finally {
    clearTimeout(timer);
    done.abort();
  }
}

/** What the promise comes to, or the signal's reason when that is aborted first; the promise itself goes on. */
export function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason as Error);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
