import { setTimeout as delay } from 'node:timers/promises';

import type { Logger } from '@nephoscope/core';
import { startAll, stopAll } from '@nephoscope/runtime';
import type { Component } from '@nephoscope/runtime';

/** The time limit for a program to end after a signal, ms. */
const longestStop = 10_000;

/** What one role of a sweep does, before and after a cut. */
export interface Trial {
  /**
   * Runs the program until its work is done or it is told to stop, and stops it.
   *
   * @throws the program's error; it would not have ended with exit code 0 then
   */
  run(url: string, stopped: AbortSignal): Promise<void>;
  /** The problems after the program has run to its end, before the last cut or after it; empty if there are none. */
  check(): Promise<readonly string[]>;
}

/** Runs a program that waits for its bus: starts it, lets it work until that is done or it is told to stop, and stops it. */
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

/** Runs it, and fails if it takes too long to end. */
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

/** Waits until the condition is true, or the signal is aborted. */
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
