import type { Logger } from '@nephoscope/core';
import type { MessageBus } from '@nephoscope/core/message-bus';

import { component, startAll, stopAll, untilAborted } from './lifecycle.js';
import type { Component } from './lifecycle.js';

/**
 * Runs a program that continues without the bus and does not wait for it to start: starts the
 * components, runs until that is over or `stopped` is aborted, and stops everything again. The start of the bus fails
 * only if the operator must fix something, such as a wrong password, and that ends the program.
 *
 * @throws the errors of starting the bus or a component, of `run`, and of stopping
 */
export async function runBesideBus({
  bus,
  components,
  run,
  stopped,
  logger,
}: {
  readonly bus: MessageBus;
  readonly components: readonly Component[];
  /** Called when all components have started. */
  readonly run: () => Promise<void>;
  readonly stopped: AbortSignal;
  readonly logger: Logger;
}): Promise<void> {
  const busFailed = new AbortController();
  const signal = AbortSignal.any([stopped, busFailed.signal]);
  bus.start(signal).catch((error: unknown) => {
    if (!stopped.aborted) busFailed.abort(error);
  });
  try {
    await startAll(components, signal, logger);
    await Promise.race([run(), untilAborted(signal)]);
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    await stopAll([component('bus', bus), ...components], logger);
  }
  busFailed.signal.throwIfAborted();
}
