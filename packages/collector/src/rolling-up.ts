import { describeError, isNephoscopeError } from '@nephoscope/core';
import type { Clock, Logger } from '@nephoscope/core';
import type { RollupTurn, SampleStore } from '@nephoscope/core/sample-store';
import type { Component } from '@nephoscope/runtime';
import { Counter, Gauge } from 'prom-client';
import type { Registry } from 'prom-client';

export interface RollingUpParts {
  /** Started and stopped by the caller, before and after this. */
  readonly store: SampleStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly registry: Registry;
}

/** Most samples of an hour are there so long after it has ended, ns; those that are later cost more. */
const delay = 300_000_000_000n;
/** Between two looks, ms. */
const pause = 60_000;
/** A turn that takes longer when the program stops is left: the next one does it again. */
const lastTurn = 1_000;

/**
 * Rolls up what was recorded, in turns, each followed by a pause as long as it took: a backlog takes half of one processor at most. One
 * of several collectors does it; the others find that it was done.
 */
export class RollingUp implements Component {
  readonly name = 'rollups';
  /** Settled once the first turn is done: from then on nothing is removed that is not rolled up. */
  readonly begun: Promise<void>;
  readonly #parts: RollingUpParts;
  readonly #samples: Counter;
  readonly #spans: Counter;
  readonly #leftOut: Counter;
  readonly #failures: Counter;
  readonly #lag: Gauge;
  readonly #stopping = new AbortController();
  #begin: () => void = () => undefined;
  #running: Promise<void> | undefined;

  constructor(parts: RollingUpParts) {
    this.#parts = parts;
    this.begun = new Promise((resolve) => (this.#begin = resolve));
    const registers = [parts.registry];
    const counter = (name: string, help: string) =>
      new Counter({ name: `nephoscope_collector_rollup_${name}`, help, registers });
    this.#samples = counter('samples_total', 'Samples read to roll them up');
    this.#spans = counter('hours_total', 'Hours of series that were rolled up, again after late samples, too');
    this.#leftOut = counter(
      'late_left_out_total',
      'Hours with late samples that were not rolled up again, because their other samples were removed',
    );
    this.#failures = counter('failures_total', 'Failed attempts to roll samples up');
    this.#lag = new Gauge({
      name: 'nephoscope_collector_rollup_lag_seconds',
      help: 'Age of the oldest samples that are not rolled up',
      registers,
    });
  }

  start(): Promise<void> {
    if (this.#parts.store.rollups === undefined) this.#begin();
    else this.#running ??= this.#run();
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the collector stops'));
    const ended = new AbortController();
    await Promise.race([this.#running, this.#parts.clock.sleep(lastTurn, ended.signal).catch(() => undefined)]);
    ended.abort();
  }

  async #run(): Promise<void> {
    const { clock } = this.#parts;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const began = clock.monotonic();
      const isMore = await this.#turn(signal);
      const took = Number((clock.monotonic() - began) / 1_000_000n);
      await clock.sleep(isMore ? Math.max(1, took) : pause, signal).catch(() => undefined);
    }
  }

  /** @returns whether there is more to do now */
  async #turn(signal: AbortSignal): Promise<boolean> {
    const { clock, logger, store } = this.#parts;
    try {
      const turn = await store.rollups?.turn(clock.now() - delay, signal);
      if (turn !== undefined) this.#count(turn);
      this.#begin();
      return turn?.isMore === true;
    } catch (error) {
      if (signal.aborted || isNephoscopeError(error, 'STORE_BUSY')) return false;
      this.#failures.inc();
      logger.error(
        { err: error },
        `samples were not rolled up; next attempt in ${pause / 1_000} s: ${describeError(error)}`,
      );
      return false;
    }
  }

  #count({ rolledBefore, samples, spans, leftOut }: RollupTurn): void {
    this.#samples.inc(samples);
    this.#spans.inc(spans);
    this.#leftOut.inc(leftOut);
    if (leftOut > 0)
      this.#parts.logger.warn(
        { hours: leftOut },
        `late samples of ${leftOut} hours are recorded, and not in figures: the other samples of these hours were removed`,
      );
    if (rolledBefore !== undefined)
      this.#lag.set(Math.max(0, Number((this.#parts.clock.now() - rolledBefore) / 1_000_000n) / 1_000));
  }
}
