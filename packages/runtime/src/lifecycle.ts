import { describeError, isNephoscopeError, NephoscopeError } from '@nephoscope/core';
import type { Logger } from '@nephoscope/core';

/** A part of a program that runs until it is stopped. `stop` is safe at any time, also twice and before `start`. */
export interface Component {
  readonly name: string;
  start(signal: AbortSignal): Promise<void>;
  stop(): Promise<void>;
}

/** A plugin's product as a component of this name. */
export function component(name: string, part: Omit<Component, 'name'>): Component {
  return { name, start: (signal) => part.start(signal), stop: () => part.stop() };
}

/** Resolves when the signal is aborted. */
export function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/**
 * Starts the components in order, so that what others need comes first. When one fails, it and those before
 * it are stopped again and the failure is thrown; when the program was told to stop meanwhile, STOPPED.
 */
export async function startAll(
  components: readonly Component[],
  signal: AbortSignal,
  logger: Logger,
): Promise<void> {
  const started: Component[] = [];
  for (const component of components) {
    try {
      signal.throwIfAborted();
      started.push(component);
      await component.start(signal);
      logger.debug({ component: component.name }, 'started');
    } catch (error) {
      // What does not stop was logged; what the operator needs is why it did not start.
      await stopAll(started, logger).catch(() => undefined);
      throw isNephoscopeError(signal.reason, 'STOPPED') ? signal.reason : error;
    }
  }
}

/** Stops in reverse order, goes on past failures, and throws them together at the end. */
export async function stopAll(components: readonly Component[], logger: Logger): Promise<void> {
  const failures: unknown[] = [];
  for (const component of [...components].reverse()) {
    try {
      await component.stop();
      logger.debug({ component: component.name }, 'stopped');
    } catch (error) {
      failures.push(error);
      logger.error({ component: component.name, err: error }, 'did not stop cleanly');
    }
  }
  if (failures.length > 0) {
    throw new NephoscopeError('STOP_FAILED', `not stopped cleanly: ${failures.map(describeError).join('; ')}`, {
      cause: failures.length === 1 ? failures[0] : new AggregateError(failures),
    });
  }
}
