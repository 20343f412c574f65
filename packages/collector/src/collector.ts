import { setImmediate as nextTurn } from 'node:timers/promises';

import {
  KnownMessages,
  LogLimit,
  createVerifier,
  maxMeteringDocumentBytes,
  meterStem,
  meteringTopology,
} from '@nephoscope/core';
import type { Clock, Delivery, Health, Logger, MessageBus, SampleStore, Secret } from '@nephoscope/core';
import { Duty } from '@nephoscope/runtime';
import type { Component } from '@nephoscope/runtime';
import type { Registry } from 'prom-client';

import { Conflicts } from './conflicts.js';
import { Consumption } from './consumption.js';
import { decompressed } from './decompress.js';
import { isTooLarge, refuse, takeIn } from './intake.js';
import type { Intake, Readers, Refusal } from './intake.js';
import { lettersOf } from './letters.js';
import { createCollectorMetrics } from './metrics.js';
import type { CollectorMetrics } from './metrics.js';
import type { CollectorOptions } from './options.js';
import { OldestKept } from './oldest-kept.js';
import { Recorder } from './recorder.js';
import { SettingAside } from './setting-aside.js';
import { Waiting } from './waiting.js';

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

/** What messages that wait may take together, bytes: more than the default prefetch of the largest that agents send. */
const maxWaitingBytes = 64 * 1024 * 1024;
/** After so many messages and samples others have a turn: the store's answers, heartbeats. */
const readingTurn = 100;
// What is not done by then when the collector stops goes back to the queue with the end of the bus.
const lastSettling = 3_000;
/** A store that fails says so and is tried again; a batch that is neither recorded nor refused for so long, ms, is stuck. */
const longestCommit = 180_000;
/** So many meters are remembered. */
const maxToldMeters = 1_000;

/**
 * Takes metering messages off the queue, verifies them and records them. A message is acknowledged when
 * what it holds is committed or safe among the dead letters, and not before.
 *
 * Messages wait as they came. While the store commits a batch the next one is read and verified, and no other: while
 * the store takes nothing, nothing more is read and, by the prefetch, nothing more is taken.
 */
export class Collector implements Component {
  readonly name = 'collector';
  readonly #parts: CollectorParts;
  readonly #metrics: CollectorMetrics;
  readonly #readers: Readers;
  readonly #waiting: Waiting;
  readonly #consumption: Consumption;
  readonly #recorder: Recorder;
  readonly #settingAside: SettingAside;
  /** By the kind of refusal. */
  readonly #logLimits = new Map<Refusal['kind'], LogLimit>();
  readonly #stopping = new AbortController();
  readonly #settling = new Set<Promise<void>>();
  /** Those that are too large to be read leave one after the other. */
  #tooLarge: Promise<void> = Promise.resolve();
  #pipeline: Promise<void> | undefined;
  readonly #committing: Duty;
  #stopped: Promise<void> | undefined;
  /** Meters of which it was told that samples without a volume come. */
  readonly #toldWithoutVolume = new Set<string>();

  constructor(parts: CollectorParts) {
    const { bus, clock, logger, options, registry, secrets, store } = parts;
    const { prefetch, signatures } = options;
    this.#parts = parts;
    this.#metrics = createCollectorMetrics(registry);
    this.#readers = {
      messages: new KnownMessages(),
      verifier: createVerifier({ secrets, forms: signatures }),
    };
    const { signal } = this.#stopping;
    const conflicts = new Conflicts({ store, secrets, metrics: this.#metrics, clock, logger, signal });
    const oldestKept = new OldestKept({ retention: options.retention, store, clock });
    this.#recorder = new Recorder({ store, conflicts, oldestKept, metrics: this.#metrics, clock, logger });
    this.#settingAside = new SettingAside({
      queue: meteringTopology.queue,
      onWaits: (delivery, waits) => this.#consumption.setBy(delivery, waits),
      clock,
      logger,
      signal: this.#stopping.signal,
    });
    this.#committing = new Duty('a batch is neither recorded nor refused', clock);
    this.#waiting = new Waiting({ prefetch, onDropped: (delivery) => this.#forget(delivery) });
    this.#consumption = new Consumption({
      bus,
      queue: meteringTopology.queue,
      prefetch,
      maxBytes: maxWaitingBytes,
      handler: (delivery) => this.#take(delivery),
      clock,
      logger,
    });
  }

  /** @throws what the bus throws when it cannot declare or consume the queue */
  async start(): Promise<void> {
    await this.#parts.bus.declare(meteringTopology);
    await this.#consumption.start();
    this.#pipeline = this.#run();
  }

  /** Takes no more, finishes the transaction that is under way, and gives everything else back to the queue. */
  stop(): Promise<void> {
    return (this.#stopped ??= this.#stop());
  }

  health(): Health {
    if (this.#pipeline === undefined) return { ok: false, reason: 'not consuming yet' };
    const { failure } = this.#recorder;
    if (failure !== undefined) return { ok: false, reason: failure };
    const committing = this.#committing.health();
    return committing.ok ? this.#settingAside.health() : committing;
  }

  async #stop(): Promise<void> {
    this.#stopping.abort();
    await this.#consumption.stop();
    this.#waiting.wake();
    for (let left = this.#waiting.take(); left !== undefined; left = this.#waiting.take()) this.#requeue(left);
    const settled = new AbortController();
    const overdue = this.#parts.clock.sleep(lastSettling, settled.signal).catch(() => undefined);
    await Promise.race([this.#done(), overdue]);
    settled.abort();
  }

  async #done(): Promise<void> {
    await this.#pipeline;
    await Promise.all(this.#settling);
  }

  #take(delivery: Delivery): void {
    this.#metrics.messages.inc();
    this.#metrics.underWay.inc();
    if (!isTooLarge(delivery)) return this.#waiting.add(delivery);
    // It needs no store, and must not wait for one with all that it takes.
    this.#tooLarge = this.#tooLarge
      .then(() => this.#settle(takeIn(delivery, this.#readers)))
      .then(() => this.#consumption.release(delivery));
    this.#track(this.#tooLarge);
  }

  async #run(): Promise<void> {
    let committed: Promise<void> = Promise.resolve();
    while (!this.#stopping.signal.aborted) {
      const batch = await this.#nextBatch(committed);
      await committed;
      committed = this.#commit(batch);
    }
    await committed;
  }

  /**
   * Reads until the samples fill a batch or, when all that waits is read and the one before is committed, some time has
   * passed since the first.
   */
  async #nextBatch(committed: Promise<void>): Promise<readonly Intake[]> {
    const { batch: bound, prefetch } = this.#parts.options;
    const { samples: full, wait } = bound;
    // Of small messages half of what may be under way: the other half is for the batch that is being committed.
    const most = Math.ceil(prefetch / 2);
    const batch: Intake[] = [];
    let size = 0;
    let read = 0;
    let due = false;
    let timer: NodeJS.Timeout | undefined;
    const makeDue = async () => {
      await committed;
      due = true;
      this.#waiting.wake();
    };
    while (size < full && batch.length < most && !this.#stopping.signal.aborted) {
      const delivery = this.#waiting.take();
      if (delivery === undefined) {
        if (due) break;
        await this.#waiting.change();
        continue;
      }
      this.#consumption.release(delivery);
      const intake =
        delivery.compression === undefined
          ? takeIn(delivery, this.#readers)
          : await this.#takeInCompressed(delivery);
      if (intake.samples.length === 0) {
        this.#track(this.#settle(intake));
      } else {
        batch.push(intake);
        size += intake.samples.length;
        timer ??= setTimeout(() => void makeDue(), wait);
      }
      read += 1 + intake.samples.length;
      if (read < readingTurn) continue;
      read = 0;
      await nextTurn();
    }
    clearTimeout(timer);
    return batch;
  }

  async #takeInCompressed(delivery: Delivery): Promise<Intake> {
    try {
      return takeIn(delivery, this.#readers, await decompressed(delivery, maxMeteringDocumentBytes));
    } catch (error) {
      return refuse(delivery, error);
    }
  }

  /** Records the batch and settles it, or gives it back when the collector stops before. Never rejects. */
  async #commit(batch: readonly Intake[]): Promise<void> {
    let refused: ReadonlyMap<Intake, readonly Refusal[]>;
    this.#committing.expect(longestCommit);
    try {
      refused = await this.#recorder.record(batch, this.#stopping.signal);
    } catch {
      // Stopped, which is all that can happen here.
      for (const { delivery } of batch) this.#requeue(delivery);
      return;
    } finally {
      this.#committing.done();
    }
    // Beside the next batch: dead letters hold up no samples.
    for (const intake of batch) this.#track(this.#settle(intake, refused.get(intake)));
  }

  /** Its samples are recorded, but for those that the store refused: what is left are its dead letters. Never rejects. */
  async #settle(intake: Intake, unrecorded: readonly Refusal[] = []): Promise<void> {
    const { delivery, refusals: unread } = intake;
    if (delivery.isGone) return this.#dropGone();
    const refusals = [...unread, ...unrecorded];
    if (await this.#settingAside.send(delivery, lettersOf(refusals))) {
      this.#tellRefused(delivery, refusals);
      this.#tellWithoutVolume(intake);
      this.#metrics.underWay.dec();
      return delivery.ack();
    }
    // What was recorded of it is recorded once, however often it comes again.
    if (delivery.isGone) this.#dropGone();
    else this.#requeue(delivery);
  }

  #tellRefused({ routingKey }: Delivery, refusals: readonly Refusal[]): void {
    const [first] = refusals;
    if (first === undefined) return;
    for (const { kind, count } of refusals) this.#metrics.refused.inc({ reason: kind }, count);
    this.#logLimit(first.kind).tell((count) => {
      const text =
        count === 1
          ? `a metering message went to the dead letters: ${first.reason}`
          : `${count} metering messages went to the dead letters, among them: ${first.reason}`;
      this.#parts.logger.warn({ routingKey, count }, text);
    }, refusals.length);
  }

  #logLimit(kind: Refusal['kind']): LogLimit {
    const limit = this.#logLimits.get(kind) ?? new LogLimit(this.#parts.clock, this.#stopping.signal);
    this.#logLimits.set(kind, limit);
    return limit;
  }

  #tellWithoutVolume({ withoutVolume }: Intake): void {
    this.#metrics.withoutVolume.inc(withoutVolume.length);
    for (const { counterName, resourceId } of withoutVolume) {
      const stem = meterStem(counterName);
      if (this.#toldWithoutVolume.has(stem) || this.#toldWithoutVolume.size >= maxToldMeters) continue;
      this.#toldWithoutVolume.add(stem);
      this.#parts.logger.info(
        { counterName, resourceId },
        `a sample of ${counterName} has no volume (null), as Ceilometer's of an image that is queued; it is left out and counted, and so are later ones of this meter`,
      );
    }
  }

  #requeue(delivery: Delivery): void {
    this.#metrics.underWay.dec();
    delivery.requeue();
  }

  #forget(delivery: Delivery): void {
    this.#consumption.release(delivery);
    this.#dropGone();
  }

  #dropGone(): void {
    this.#metrics.gone.inc();
    this.#metrics.underWay.dec();
  }

  #track(settling: Promise<void>): void {
    this.#settling.add(settling);
    void settling.then(() => this.#settling.delete(settling));
  }
}
