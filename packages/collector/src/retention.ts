import { describeError, formatTimestamp } from '@nephoscope/core';
import type { Clock, Logger, SampleStore } from '@nephoscope/core';
import type { Component } from '@nephoscope/runtime';
import { Counter } from 'prom-client';
import type { Registry } from 'prom-client';

export interface RetentionParts {
  /** How long samples are kept, ms; without it for ever. */
  readonly retention: number | undefined;
  /** Started and stopped by whoever made it, before and after this. */
  readonly store: SampleStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly registry: Registry;
}

const pause = 3_600_000;
// A removal that is longer under way when the program stops is the store's to end.
const lastRemoval = 3_000;

/** Has the store remove what is older than the retention, when it starts and every hour. */
export class Retention implements Component {
  readonly name = 'retention';
  readonly #parts: RetentionParts;
  readonly #removed: Counter;
  readonly #failures: Counter;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;

  constructor(parts: RetentionParts) {
    this.#parts = parts;
    const registers = [parts.registry];
    this.#removed = new Counter({
      name: 'nephoscope_collector_samples_removed_total',
      help: 'Samples that were removed from the store since they were older than collector.retention',
      registers,
    });
    this.#failures = new Counter({
      name: 'nephoscope_collector_retention_failures_total',
      help: 'Times that the store could not remove what is older than collector.retention',
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
    while (!signal.aborted) {
      await this.#remove(retention);
      await this.#parts.clock.sleep(pause, signal).catch(() => undefined);
    }
  }

  async #remove(retention: number): Promise<void> {
    const { clock, logger, store } = this.#parts;
    const age = BigInt(Math.round(retention)) * 1_000_000n;
    const now = clock.now();
    // Nothing is metered before 1970, however long the retention.
    const before = age < now ? now - age : 0n;
    try {
      const samples = await store.removeBefore(before);
      this.#removed.inc(samples);
      if (samples > 0) logger.info({ samples }, `removed ${samples} samples of before ${formatTimestamp(before)}`);
    } catch (error) {
      this.#failures.inc();
      logger.error(
        { err: error },
        `samples of before ${formatTimestamp(before)} were not removed, the next try is in an hour: ${describeError(error)}`,
      );
    }
  }
}
