import { createVerifier, describeError, meteringTopology } from '@nephoscope/core';
import type {
  Clock,
  Delivery,
  Health,
  Logger,
  MessageBus,
  SampleStore,
  Secret,
  Subscription as BusSubscription,
  Verifier,
} from '@nephoscope/core';
import type { Component } from '@nephoscope/runtime';
import type { Registry } from 'prom-client';
import { concatMap, lastValueFrom, map, mergeMap, Subject } from 'rxjs';

import { batches } from './batches.js';
import { takeIn } from './intake.js';
import type { Intake } from './intake.js';
import { createCollectorMetrics } from './metrics.js';
import type { CollectorMetrics } from './metrics.js';
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
// What is not done by then when the collector stops goes back to the queue with the end of the bus.
const lastSettling = 3_000;
// A message whose dead letters could not be sent is not taken again in a tight loop.
const pauseBeforeRequeue = 1_000;

/**
 * Takes metering messages off the queue, verifies them and records them. A message is acknowledged when
 * what it holds is committed or safe among the dead letters, and not before; while the store does not take
 * anything, nothing is acknowledged and, by the prefetch, nothing more is taken.
 */
export class Collector implements Component {
  readonly name = 'collector';
  readonly #parts: CollectorParts;
  readonly #metrics: CollectorMetrics;
  readonly #verifier: Verifier;
  readonly #deliveries = new Subject<Delivery>();
  readonly #stopping = new AbortController();
  #subscription: BusSubscription | undefined;
  #pipeline: Promise<unknown> | undefined;
  #stopped: Promise<void> | undefined;
  #failure: string | undefined;

  constructor(parts: CollectorParts) {
    this.#parts = parts;
    this.#metrics = createCollectorMetrics(parts.registry);
    this.#verifier = createVerifier({ secrets: parts.secrets, forms: parts.options.signatures });
  }

  /** @throws what the bus throws when it cannot declare or consume the queue */
  async start(): Promise<void> {
    const { bus, options } = this.#parts;
    this.#pipeline = lastValueFrom(
      this.#deliveries.pipe(
        map((delivery) => takeIn(delivery, this.#verifier)),
        batches(({ samples }) => samples.length, options.batch.samples, options.batch.wait),
        concatMap((batch) => this.#record(batch)),
        // Beside the next batch: dead letters hold up no samples.
        mergeMap((recorded) => recorded),
        mergeMap((intake) => this.#settle(intake)),
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

  /** Takes no more, finishes the transaction that is under way, and gives everything else back to the queue. */
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
    const settled = new AbortController();
    const overdue = this.#parts.clock.sleep(lastSettling, settled.signal).catch(() => undefined);
    await Promise.race([this.#pipeline, overdue]);
    settled.abort();
  }

  /** Gives the batch back when the store has it, however many tries that takes; nothing when the collector stops before. */
  async #record(batch: readonly Intake[]): Promise<readonly Intake[]> {
    const { clock, logger } = this.#parts;
    const { signal } = this.#stopping;
    for (let pause = firstPause; !signal.aborted; pause = Math.min(pause * 2, longestPause)) {
      try {
        await this.#tryToRecord(batch);
        return batch;
      } catch (error) {
        this.#metrics.storeFailures.inc();
        this.#failure = describeError(error);
        logger.error(
          { err: error, messages: batch.length },
          `the store does not take samples, they stay in the queue; the next try is in ${pause / 1_000} s: ${this.#failure}`,
        );
        await clock.sleep(pause, signal).catch(() => undefined);
      }
    }
    for (const { delivery } of batch) this.#requeue(delivery);
    return [];
  }

  async #tryToRecord(batch: readonly Intake[]): Promise<void> {
    const samples = batch.flatMap((intake) => intake.samples);
    if (samples.length === 0) return;
    const end = this.#metrics.commit.startTimer();
    const { recorded, duplicates } = await this.#parts.store.record(samples);
    end();
    this.#metrics.recorded.inc(recorded);
    this.#metrics.duplicates.inc(duplicates);
    if (this.#failure !== undefined) this.#parts.logger.info({}, 'the store takes samples again');
    this.#failure = undefined;
  }

  /** Its samples are recorded: what is left are its dead letters. */
  async #settle({ delivery, refusals }: Intake): Promise<void> {
    const { clock, logger } = this.#parts;
    const results = await Promise.allSettled(
      refusals.map(({ reason, bytes }) => delivery.deadLetter(reason, bytes)),
    );
    const failed = results.find((result) => result.status === 'rejected');
    if (failed === undefined) {
      if (refusals[0] !== undefined) this.#tellRefused(delivery, refusals[0].reason, refusals.length);
      for (const { kind } of refusals) this.#metrics.refused.inc({ reason: kind });
      this.#metrics.underWay.dec();
      delivery.ack();
      return;
    }
    // What was recorded of it is recorded once, however often it comes again.
    logger.warn(
      { err: failed.reason },
      `a message goes back to the queue, since its dead letters cannot be sent now: ${describeError(failed.reason)}`,
    );
    await clock.sleep(pauseBeforeRequeue, this.#stopping.signal).catch(() => undefined);
    this.#requeue(delivery);
  }

  #tellRefused({ routingKey }: Delivery, reason: string, count: number): void {
    const text =
      count === 1
        ? `a metering message went to the dead letters: ${reason}`
        : `${count} metering messages went to the dead letters, the first: ${reason}`;
    this.#parts.logger.warn({ routingKey, count }, text);
  }

  #requeue(delivery: Delivery): void {
    this.#metrics.underWay.dec();
    delivery.requeue();
  }
}
