import { setTimeout as wait } from 'node:timers/promises';

import { deadline } from '@nephoscope/async';

/** Waits, ms; rejects when the signal is aborted. */
export const sleep = (ms: number, signal?: AbortSignal): Promise<void> => wait(ms, undefined, { signal });

/**
 * Runs something that must end in time.
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
  for (const stop of stops) stop.throwIfAborted();
  const { signal, end } = deadline({ sleep }, ms, late, ...stops);
  try {
    return await run(signal);
  } finally {
    end();
  }
}
