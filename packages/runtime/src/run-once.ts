import { deadline } from '@nephoscope/async';
import { NephoscopeError } from '@nephoscope/core';
import type { Clock, Logger } from '@nephoscope/core';

import { startAll, stopAll } from './lifecycle.js';
import type { Component } from './lifecycle.js';

/**
 * `--once` is for a person or a timer, so what cannot be reached in this time, ms, is a failure. The bus has the same
 * time to confirm, after that of the cycle.
 */
const timeLimit = 10_000;

/**
 * Runs one cycle of an agent: starts the components, runs the cycle, and stops everything again.
 *
 * @throws ONCE_TIMEOUT, PLUGINS_FAILED, the reason of `stopped`, the errors of the components and of the cycle
 */
export async function runOnce({
  components,
  cycle,
  cycleTime,
  failedPlugins,
  stopped,
  clock,
  logger,
}: {
  readonly components: readonly Component[];
  readonly cycle: (signal: AbortSignal) => Promise<void>;
  /** After which a cycle ends itself, ms. */
  readonly cycleTime: number;
  /** How many pollsters could not be loaded. */
  readonly failedPlugins: number;
  readonly stopped: AbortSignal;
  readonly clock: Clock;
  readonly logger: Logger;
}): Promise<void> {
  const within = async (ms: number, work: (signal: AbortSignal) => Promise<void>) => {
    const late = new NephoscopeError('ONCE_TIMEOUT', `not done within ${ms / 1_000} s`);
    const time = deadline(clock, ms, late, stopped);
    await work(time.signal).finally(time.end);
  };
  await within(timeLimit, (signal) => startAll(components, signal, logger));
  try {
    await within(cycleTime + timeLimit, cycle);
  } finally {
    await stopAll(components, logger);
  }
  if (failedPlugins > 0)
    throw new NephoscopeError(
      'PLUGINS_FAILED',
      `${failedPlugins} pollsters could not be loaded: their meters are missing (see above)`,
    );
}
