import { isNephoscopeError, NephoscopeError } from '@nephoscope/core';
import { runToExit } from '@nephoscope/runtime';
import type { Main } from '@nephoscope/runtime';

/** Runs a command that ends by itself and sets the exit code: 1 also when it was interrupted before it was done. */
export async function runCommand(main: Main): Promise<void> {
  process.exitCode = await runToExit(
    async (signal) => {
      try {
        await main(signal);
      } catch (error) {
        if (isNephoscopeError(error, 'OUTPUT_CLOSED')) return;
        // Unconfirmed messages are reported, also after an interruption.
        throw signal.aborted && !isNephoscopeError(error, 'SAMPLES_UNSENT')
          ? new NephoscopeError('INTERRUPTED', 'interrupted before it was done')
          : error;
      }
    },
    () => undefined,
  );
}

/** Aborted after `ms`, with an error naming what was awaited, or with `signal`. */
export function deadline(signal: AbortSignal, ms: number, what: string): AbortSignal {
  const controller = new AbortController();
  setTimeout(
    () => controller.abort(new NephoscopeError('DEADLINE', `${what} within ${ms / 1_000} s`)),
    ms,
  ).unref();
  return AbortSignal.any([signal, controller.signal]);
}
