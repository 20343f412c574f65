import { uptime } from 'node:os';

import { formatTimestamp } from '@nephoscope/core';
import type { Clock, Logger } from '@nephoscope/core';
import { Counter } from 'prom-client';
import type { Registry } from 'prom-client';

import type { Component } from './lifecycle.js';
import { onStep as onStepOfSystemClock } from './system-clock.js';

export interface ClockWatchParts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly registry: Registry;
  /** Seconds since the machine was booted, including suspensions. */
  readonly uptime?: () => number;
  /** Calls `listener` when the wall clock may have been set; returns the function that unsubscribes it. */
  readonly onStep?: (listener: () => void) => () => void;
}

/** Differences between the clocks, ms. */
interface Offsets {
  /** Difference between the wall clock and the time since boot; it changes only when the wall clock is set. */
  readonly set: number;
  /** Difference between the time since boot and the monotonic clock, which stops during a suspension. */
  readonly suspended: number;
}

const pause = 10_000;
// NTP corrects a clock by slewing it, chrony by at most a twelfth of the time, which does not count as a step. A step
// is at least this much, ms, …
const leastStep = 1_000;
// … and more than this share of the time in which it came about.
const mostSlew = 0.1;

/**
 * Logs when the wall clock was set, and by how much, and when the machine was suspended. It changes nothing:
 * everything that must not depend on the wall clock uses the monotonic one.
 */
export function clockWatch({
  clock,
  logger,
  registry,
  uptime: upFor = uptime,
  onStep = onStepOfSystemClock,
}: ClockWatchParts): Component {
  const metric = (name: string, help: string, labelNames: string[] = []) =>
    new Counter({ name, help, labelNames, registers: [registry] });
  const steps = metric('nephoscope_clock_steps_total', 'Times that the wall clock was set, by direction', [
    'direction',
  ]);
  const suspensions = metric('nephoscope_suspensions_total', 'Times that the machine was suspended');
  const monotonic = () => Number(clock.monotonic() / 1_000n) / 1_000;
  const measure = (): Offsets => {
    const booted = upFor() * 1_000;
    return { set: Number(clock.now() / 1_000n) / 1_000 - booted, suspended: booted - monotonic() };
  };
  const stopping = new AbortController();
  let running: Promise<void> | undefined;

  let before = measure();
  let lookedAt = monotonic();
  const look = () => {
    const offsets = measure();
    const now = monotonic();
    const suspended = offsets.suspended - before.suspended;
    const least = Math.max(leastStep, (now - lookedAt) * mostSlew);
    if (suspended >= least) {
      suspensions.inc();
      logger.warn(
        { seconds: seconds(suspended) },
        `the machine was suspended for ${seconds(suspended)} s: nothing was done in that time`,
      );
    }
    const step = offsets.set - before.set;
    if (Math.abs(step) >= least) {
      const direction = step > 0 ? 'forward' : 'back';
      steps.inc({ direction });
      logger.warn(
        { seconds: seconds(step) },
        `the wall clock was set ${direction} by ${seconds(Math.abs(step))} s, to ${formatTimestamp(clock.now())}: what is timestamped goes by it, rates and ages do not`,
      );
    }
    before = offsets;
    lookedAt = now;
  };

  const run = async (signal: AbortSignal) => {
    before = measure();
    lookedAt = monotonic();
    const end = onStep(look);
    while (!signal.aborted) {
      await clock.sleep(pause, signal).catch(() => undefined);
      // Also on stop, so that the last step is logged.
      look();
    }
    end();
  };

  return {
    name: 'clock watch',
    start() {
      running ??= run(stopping.signal);
      return Promise.resolve();
    },
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

function seconds(ms: number): number {
  return Math.round(ms) / 1_000;
}
