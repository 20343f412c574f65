import { describeError, formatTimestamp, isNephoscopeError } from '@nephoscope/core';
import type { Clock, Logger } from '@nephoscope/core';
import type { SampleStore } from '@nephoscope/core/sample-store';
import type { Component } from '@nephoscope/runtime';
import { Counter, Gauge } from 'prom-client';
import type { Registry } from 'prom-client';

import { planRetention } from './retention-plan.js';

export interface RetentionParts {
  /** How long samples are kept, ms; undefined: without limit. */
  readonly retention: number | undefined;
  /** Nothing is removed until then: what is not rolled up would be lost to figures. */
  readonly begun?: Promise<void>;
  /** Started and stopped by the caller, before and after this. */
  readonly store: SampleStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly registry: Registry;
}

const pause = 3_600_000;
// A held removal is logged once in this many times.
const toldEvery = 24;
// A removal that takes longer when the program stops is left to the store; the next one continues it.
const lastRemoval = 1_000;

/**
 * Removes samples that are older than the retention, at the start and every hour. What a wrong clock may have made
 * old is left to the operator: see {@link planRetention}.
 */
export class Retention implements Component {
  readonly name = 'retention';
  readonly #parts: RetentionParts;
  readonly #removed: Counter;
  readonly #failures: Counter;
  readonly #held: Gauge;
  /** How often in succession a removal was held. */
  #timesHeld = 0;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;

  constructor(parts: RetentionParts) {
    this.#parts = parts;
    const registers = [parts.registry];
    this.#removed = new Counter({
      name: 'nephoscope_collector_samples_removed_total',
      help: 'Samples removed from the store because they were older than collector.retention',
      registers,
    });
    this.#failures = new Counter({
      name: 'nephoscope_collector_retention_failures_total',
      help: 'Failed attempts to remove samples older than collector.retention',
      registers,
    });
    this.#held = new Gauge({
      name: 'nephoscope_collector_retention_held',
      help: "1 while samples past collector.retention wait for the operator's decision",
      registers,
    });
  }

  start(): Promise<void> {
    const { retention } = this.#parts;
    if (retention !== undefined) this.#running ??= this.#run(retention);
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    const ended = new AbortController();
    await Promise.race([this.#running, this.#parts.clock.sleep(lastRemoval, ended.signal).catch(() => undefined)]);
    ended.abort();
  }

  async #run(retention: number): Promise<void> {
    const { signal } = this.#stopping;
    const stopped = new Promise<void>((resolve) =>
      signal.addEventListener('abort', () => resolve(), { once: true }),
    );
    await Promise.race([this.#parts.begun, stopped]);
    while (!signal.aborted) {
      await this.#remove(retention);
      await this.#parts.clock.sleep(pause, signal).catch(() => undefined);
    }
  }

  async #remove(retention: number): Promise<void> {
    const { clock, logger, store } = this.#parts;
    try {
      const { before, since, held } = await planRetention(
        store,
        BigInt(Math.round(retention)) * 1_000_000n,
        clock.now(),
      );
      this.#logHeld(held);
      if (before === undefined) return;
      const samples = await store.removeBefore(before, since);
      this.#removed.inc(samples);
      if (samples > 0)
        logger.info({ samples }, `removed ${samples} samples from before ${formatTimestamp(before)}`);
    } catch (error) {
      if (this.#stopping.signal.aborted) return;
      if (isNephoscopeError(error, 'STORE_BUSY')) return logger.info({}, error.message);
      this.#failures.inc();
      logger.error(
        { err: error },
        `samples older than collector.retention were not removed; next attempt in an hour: ${describeError(error)}`,
      );
    }
  }

  #logHeld(held: string | undefined): void {
    const { logger } = this.#parts;
    this.#held.set(held === undefined ? 0 : 1);
    if (held === undefined) {
      if (this.#timesHeld > 0) logger.info({}, 'no samples are held back from removal any more');
      this.#timesHeld = 0;
      return;
    }
    if (this.#timesHeld % toldEvery === 0)
      logger.warn(
        {},
        `samples past collector.retention are kept: ${held}. Check them and, if they are to go, remove them with 'nephoscope retention --before TIME --remove'`,
      );
    this.#timesHeld += 1;
  }
}
