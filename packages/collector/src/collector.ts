import { createVerifier, describeError, meteringTopology } from '@nephoscope/core';
import type { Clock, Delivery, Health, Logger, MessageBus, SampleStore, Secret, Subscription as BusSubscription, Verifier } from '@nephoscope/core';
import type { Component } from '@nephoscope/runtime';
import type { Registry } from 'prom-client';
import { concatMap, lastValueFrom, map, Subject } from 'rxjs';

import { batches } from './batches.js';
import { takeIn } from './intake.js';
import type { Intake } from './intake.js';
import { createCollectorMetrics } from './metrics.js';
import type { CollectorOptions } from './options.js';

export interface CollectorParts {
  readonly options: CollectorOptions;
  readonly secrets: readonly Secret[];
  /** Started and stopped by whoever made them, before and after the collector. */
  readonly bus: MessageBus;
  readonly store: SampleStore;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly registry: Registry;
}

const firstPause = 250;
const longestPause = 15_000;

/**
 * Takes metering messages off the queue, verifies them and records them. A message is acknowledged when
 * what it holds is committed or safe among the dead letters, and not before; while the store does not take
 * anything, nothing is acknowledged and, by the prefetch, nothing more is taken.
 */
export class Collector implements Component {
  readonly name = 'collector';
  readonly #parts: CollectorParts;
  readonly #metrics: ReturnType<typeof createCollectorMetrics>;
  readonly #verifier: Verifier;
  readonly #deliveries = new Subject<Delivery>();
  readonly #stopping = new AbortController();
  #subscription: BusSubscription | undefined;
  #pipeline: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;
  #failure: string | undefined;

  constructor(parts: CollectorParts) {
    this.#parts = parts;
    this.#metrics = createCollectorMetrics(parts.registry);
    this.#verifier = createVerifier({ secrets: parts.secrets, forms: parts.options.signatures });
  }

  async start(): Promise<void> {
    const { bus, options } = this.#parts;
    this.#pipeline = lastValueFrom(
      this.#deliveries.pipe(
        map((delivery) => takeIn(delivery, this.#verifier)),
        batches(({ samples }) => samples.length, options.batch.samples, options.batch.wait),
        concatMap((batch) => this.#settle(batch)),
      ),
      { defaultValue: undefined },
    );
    await bus.declare(meteringTopology);
    this.#subscription = await bus.consume(meteringTopology.queue, { prefetch: options.prefetch }, (delivery) => {
      this.#metrics.messages.inc();
      this.#metrics.underWay.inc();
      this.#deliveries.next(delivery);
    });
  }

  /** Takes no more, records what is under way, and gives back to the queue what cannot be recorded now. */
  stop(): Promise<void> {
    return (this.#stopped ??= this.#stop());
  }

  health(): Health {
    if (this.#subscription === undefined) return { ok: false, reason: 'not consuming yet' };
    return this.#failure === undefined ? { ok: true } : { ok: false, reason: this.#failure };
  }

  async #stop(): Promise<void> {
    await this.#subscription?.cancel();
    this.#stopping.abort();
    this.#deliveries.complete();
    await this.#pipeline;
  }

  async #settle(batch: readonly Intake[]): Promise<void> {
    if (!(await this.#record(batch))) {
      for (const { delivery } of batch) this.#done(() => delivery.requeue());
      return;
    }
    for (const intake of batch) {
      try {
        await this.#refuse(intake);
        this.#done(() => intake.delivery.ack());
      } catch (error) {
        // What was recorded of it is recorded once, however often it comes again.
        this.#parts.logger.warn({ err: error }, `a message goes back to the queue, since its dead letters cannot be sent now: ${describeError(error)}`);
        this.#done(() => intake.delivery.requeue());
      }
    }
  }

  /** Tries until the store takes the batch; false when the collector stops before it does. */
  async #record(batch: readonly Intake[]): Promise<boolean> {
    const { clock, logger, store } = this.#parts;
    const { signal } = this.#stopping;
    const samples = batch.flatMap((intake) => intake.samples);
    if (samples.length === 0) return true;
    for (let pause = firstPause; ; pause = Math.min(pause * 2, longestPause)) {
      try {
        const end = this.#metrics.commit.startTimer();
        const { recorded, duplicates } = await store.record(samples);
        end();
        this.#metrics.recorded.inc(recorded);
        this.#metrics.duplicates.inc(duplicates);
        if (this.#failure !== undefined) logger.info({}, 'the store takes samples again');
        this.#failure = undefined;
        return true;
      } catch (error) {
        this.#metrics.storeFailures.inc();
        this.#failure = describeError(error);
        if (signal.aborted) return false;
        logger.error({ err: error, samples: samples.length }, `the store does not take samples, they stay in the queue; the next try is in ${pause / 1_000} s: ${this.#failure}`);
        try {
          await clock.sleep(pause, signal);
        } catch {
          return false;
        }
      }
    }
  }

  async #refuse({ delivery, refusals }: Intake): Promise<void> {
    for (const { reason, bytes } of refusals) {
      await delivery.deadLetter(reason, bytes);
      this.#metrics.refused.inc({ reason: reason.split(':', 1)[0] as string });
      this.#parts.logger.warn({ routingKey: delivery.routingKey }, `a metering message went to the dead letters: ${reason}`);
    }
  }

  #done(settle: () => void): void {
    this.#metrics.underWay.dec();
    settle();
  }
}
