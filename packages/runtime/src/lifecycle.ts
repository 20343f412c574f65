import { describeError, isNephoscopeError, NephoscopeError } from '@nephoscope/core';
import type { Health, Logger } from '@nephoscope/core';

import { healthOf } from './health-of.js';

/** A part of a program that runs until it is stopped. `stop` is safe at any time, also twice and before `start`. */
export interface Component {
  readonly name: string;
  /** Time limit for its start, ms. Without one it may wait as long as what it needs is unavailable. */
  readonly startWithin?: number | undefined;
  /** Reports what a start waits for. */
  health?(): Health;
  start(signal: AbortSignal): Promise<void>;
  stop(): Promise<void>;
}

/** A start that hangs is logged after this time, and then every minute, ms. */
const firstWord = 10_000;
const minute = 60_000;
/**
 * How long a start may continue after the program was asked to stop, ms, because the components started before must
 * be stopped too.
 */
const leaveStartAfter = 2_000;
/** How long a component may take to stop, ms, so that others can stop too within the program's 10 s. */
const stopWithin = 5_000;

/** A plugin's product as a component of this name. */
export function component(
  name: string,
  part: Pick<Component, 'start' | 'stop' | 'health'>,
  startWithin?: number,
): Component {
  return {
    name,
    startWithin,
    health: () => part.health?.() ?? { ok: true },
    start: (signal) => part.start(signal),
    stop: () => part.stop(),
  };
}

/** Resolves when the signal is aborted. */
export function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/**
 * Starts the components in order, so that dependencies come first. If one fails, it and those before it are stopped
 * and the failure is thrown; if the program was asked to stop meanwhile, STOPPED. One that hangs is logged, and is a
 * START_TIMEOUT if it has a time limit. One that ignores the signal is abandoned.
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
      await startOf(component, signal, logger);
      logger.debug({ component: component.name }, 'started');
    } catch (error) {
      // Components that did not stop were logged; what the operator needs is why the start failed.
      await stopAll(started, logger).catch(() => undefined);
      throw isNephoscopeError(signal.reason, 'STOPPED') ? signal.reason : error;
    }
  }
}

/**
 * Stops in reverse order; continues after failures, and after 5 s for components that hang, and throws all failures
 * together at the end.
 */
export async function stopAll(components: readonly Component[], logger: Logger): Promise<void> {
  const failures: unknown[] = [];
  for (const component of [...components].reverse()) {
    try {
      await stopOf(component);
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

async function startOf(component: Component, signal: AbortSignal, logger: Logger): Promise<void> {
  const { name, startWithin } = component;
  const timers: NodeJS.Timeout[] = [];
  const after = (ms: number, act: () => void) => void timers.push(setTimeout(act, ms));
  const logAfter = (ms: number, at: number) =>
    after(ms, () => {
      const health = healthOf(() => component.health?.() ?? { ok: true });
      const why = health.ok ? 'still waiting' : `waiting: ${health.reason}`;
      logger.warn({ component: name }, `${name} has not started after ${at / 1_000} s: ${why}`);
      const next = at < minute ? minute - at : minute;
      logAfter(next, at + next);
    });
  logAfter(firstWord, firstWord);
  const given = new AbortController();
  const late = new Promise<never>((_, reject) => {
    const leave = () => after(leaveStartAfter, () => reject(signal.reason as Error));
    if (signal.aborted) leave();
    else signal.addEventListener('abort', leave, { signal: given.signal });
    if (startWithin !== undefined)
      after(startWithin, () => {
        const text = `${name} has not started within ${startWithin / 1_000} s`;
        reject(new NephoscopeError('START_TIMEOUT', text));
      });
  });
  try {
    await Promise.race([component.start(signal), late]);
  } finally {
    given.abort();
    timers.forEach(clearTimeout);
  }
}

async function stopOf(component: Component): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const text = `${component.name} has not stopped within ${stopWithin / 1_000} s, and is left behind`;
    timer = setTimeout(() => reject(new NephoscopeError('STOP_TIMEOUT', text)), stopWithin);
  });
  await Promise.race([component.stop(), late]).finally(() => clearTimeout(timer));
}
