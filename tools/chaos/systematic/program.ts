import { setTimeout as delay } from 'node:timers/promises';

import type { Logger } from '@nephoscope/core';
import { startAll, stopAll } from '@nephoscope/runtime';
import type { Component } from '@nephoscope/runtime';

/** After a signal a program may take so long to end, ms. */
const longestStop = 10_000;

/** What one role of a sweep does, before and after a cut. */
export interface Trial {
  /**
   * Runs the program until its work is done or it is told to stop, and stops it.
   *
   * @throws what it fails by; then it would not have ended with exit code 0
   */
  run(url: string, stopped: AbortSignal): Promise<void>;
  /** What is wrong when it has run to the end, before the last cut or after: empty when all is right. */
  check(): Promise<readonly string[]>;
}

/** As a program does that waits for its bus: starts, works until that is done or it is told to stop, and stops. */
export async function runProgram(
  components: readonly Component[],
  work: (signal: AbortSignal) => Promise<void>,
  stopped: AbortSignal,
  logger: Logger,
): Promise<void> {
  try {
    await startAll(components, stopped, logger);
    await Promise.race([work(stopped), untilStopped(stopped)]);
  } catch (error) {
    if (!stopped.aborted) throw error;
  } finally {
    await stopAll(components, logger);
  }
}

/** Runs it, and has it fail when it takes too long to end. */
export async function endsInTime(trial: Trial, url: string, stopped: AbortSignal): Promise<void> {
  const over = new AbortController();
  const late = untilStopped(stopped, over.signal).then(async () => {
    await delay(longestStop, undefined, { signal: over.signal }).catch(() => undefined);
    if (!over.signal.aborted) throw new Error(`not stopped after ${longestStop / 1_000} s`);
  });
  try {
    await Promise.race([trial.run(url, stopped), late.then(() => new Promise<never>(() => undefined))]);
  } finally {
    over.abort();
  }
}

/** Waits until it holds, or the signal is aborted. */
export async function until(condition: () => boolean | Promise<boolean>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && !(await condition())) await delay(10, undefined, { signal }).catch(() => undefined);
}

function untilStopped(stopped: AbortSignal, over?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (stopped.aborted) return resolve();
    for (const signal of over === undefined ? [stopped] : [stopped, over])
      signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
