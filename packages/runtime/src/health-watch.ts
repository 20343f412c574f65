import type { Clock, Health, Logger } from '@nephoscope/core';

import { healthOf } from './health-of.js';
import type { HealthChecks } from './status-server.js';
import type { ServiceManager } from './service-manager.js';

/** Between runs of the checks, ms. Shorter failures are not logged. */
const look = 20_000;
/** An unchanged failure is logged again after this time, ms. */
const logInterval = 600_000;

type Illness = Extract<Health, { readonly ok: false }>;

interface Known {
  /** On the monotonic clock, ns. */
  readonly since: bigint;
  loggedAt: bigint | undefined;
}

export interface HealthWatchParts {
  readonly checks: HealthChecks;
  readonly serviceManager: ServiceManager | undefined;
  /** Aborted when the program is to stop. */
  readonly stopped: AbortSignal;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Runs the checks at intervals until the program is to stop, and logs those that fail, with the time since when; `checks`
 * reports that time too. systemd, if it listens, gets the readiness, the status and, while nothing in the program is stuck,
 * the keepalive, so that it restarts a program that does no work. Waiting for an outage to end does not count as stuck. A
 * start that takes long has its timeout extended.
 */
export class HealthWatch {
  readonly #parts: HealthWatchParts;
  readonly #pause: number;
  readonly #known = new Map<string, Known>();
  /** The given checks, each with the time since when it fails. */
  readonly checks: HealthChecks;
  #isReady = false;
  #status = '';

  constructor(parts: HealthWatchParts) {
    this.#parts = parts;
    const { checks, serviceManager, stopped } = parts;
    const { watchdog } = serviceManager ?? {};
    // Half the watchdog's time, as sd_watchdog_enabled(3) advises.
    this.#pause = watchdog === undefined ? look : Math.min(look, watchdog / 2);
    this.checks = Object.fromEntries(
      Object.entries(checks).map(([name, check]) => [name, () => this.#examine(name, check)]),
    );
    void this.#watch();
    if (stopped.aborted) return;
    stopped.addEventListener('abort', () => void serviceManager?.notify('STOPPING=1'), { once: true });
  }

  /** Everything has started. */
  ready(): void {
    this.#isReady = true;
    this.#look('READY=1');
  }

  async #watch(): Promise<void> {
    const { clock, stopped } = this.#parts;
    while (!stopped.aborted) {
      await clock.sleep(this.#pause, stopped).catch(() => undefined);
      if (!stopped.aborted) this.#look();
    }
  }

  #look(...news: readonly string[]): void {
    const { serviceManager } = this.#parts;
    const failing = Object.entries(this.checks)
      .map(([name, check]) => [name, check()] as const)
      .filter((one): one is readonly [string, Illness] => !one[1].ok);
    for (const [name, { reason, since }] of failing) this.#logFailing(name, reason, since);
    if (serviceManager === undefined) return;
    const assignments = [...news];
    const status = failing.map(([name, { reason }]) => `${name}: ${reason}`).join('; ') || 'all is well';
    if (status !== this.#status) assignments.push(`STATUS=${oneLine(status)}`);
    this.#status = status;
    if (!this.#isReady) assignments.push(`EXTEND_TIMEOUT_USEC=${4 * this.#pause * 1_000}`);
    const isStuck = failing.some(([, health]) => health.isStuck === true);
    if (serviceManager.watchdog !== undefined && !isStuck) assignments.push('WATCHDOG=1');
    if (assignments.length > 0) void serviceManager.notify(...assignments);
  }

  #examine(name: string, check: () => Health): Health {
    const { clock, logger } = this.#parts;
    const health = healthOf(check);
    const known = this.#known.get(name);
    if (!health.ok) {
      const failure = known ?? { since: clock.monotonic(), loggedAt: undefined };
      this.#known.set(name, failure);
      return { ...health, since: health.since ?? this.#timeOf(failure) };
    }
    this.#known.delete(name);
    if (known?.loggedAt !== undefined) logger.info({ check: name }, `${name} is well again`);
    return health;
  }

  #logFailing(name: string, reason: string, since: string | undefined): void {
    const { clock, logger } = this.#parts;
    const failure = this.#known.get(name);
    const now = clock.monotonic();
    if (failure === undefined || msBetween(failure.since, now) < this.#pause) return;
    if (failure.loggedAt !== undefined && msBetween(failure.loggedAt, now) < logInterval) return;
    failure.loggedAt = now;
    logger.warn({ check: name, since }, `${name} is not well since ${since}: ${reason}`);
  }

  /** By the current wall clock. */
  #timeOf({ since }: Known): string {
    const { clock } = this.#parts;
    return new Date(Number((clock.now() - (clock.monotonic() - since)) / 1_000_000n)).toISOString();
  }
}

function msBetween(from: bigint, to: bigint): number {
  return Number((to - from) / 1_000_000n);
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').slice(0, 1_000);
}
