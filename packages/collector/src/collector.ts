import { performance } from 'node:perf_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { LogLimit } from '@nephoscope/async';
import { meterStem } from '@nephoscope/core';
import type { Clock, Health, Logger } from '@nephoscope/core';
import type { Delivery, MessageBus } from '@nephoscope/core/message-bus';
import type { Secret } from '@nephoscope/core/options';
import type { SampleStore } from '@nephoscope/core/sample-store';
import { createVerifier, maxMeteringDocumentBytes, meteringTopology } from '@nephoscope/message';

import { KnownMessages } from './known/known-messages.js';
import { Duty } from '@nephoscope/runtime';
import type { Component } from '@nephoscope/runtime';
import type { Registry } from 'prom-client';

import { usualBounds } from './bounds.js';
import type { CollectorBounds } from './bounds.js';
import { ClaimedPublishers } from './claimed-publishers.js';
import { Conflicts } from './conflicts.js';
import { Consumption } from './consumption.js';
import { decompressed } from './decompress.js';
import { maxMiddleBytes, reading, refusing, takeIn, unreadRefusal } from './intake.js';
import type { Intake, Reading, Readers, Refusal } from './intake.js';
import { deadLettersOf } from './dead-letters.js';
import { createCollectorMetrics } from './metrics.js';
import type { CollectorMetrics } from './metrics.js';
import type { CollectorOptions } from './options.js';
import { OldestKept } from './oldest-kept.js';
import { Recorder } from './recorder.js';
import { DeadLetterSender } from './dead-letter-sender.js';
import { ReadScheduler } from './read-scheduler.js';

export interface CollectorParts {
  readonly options: CollectorOptions;
  readonly secrets: readonly Secret[];
  /** Started and stopped by the caller, before and after the collector. */
  readonly bus: MessageBus;
  readonly store: SampleStore;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly registry: Registry;
  readonly bounds?: Partial<CollectorBounds>;
}

/**
 * Limit for unsettled messages in bytes, in addition to the largest: more than the prefetch of the largest that
 * agents send.
 */
const maxHeldBytes = 48 * 1024 * 1024;
/** While large messages of this total size become dead letters, no other is begun. */
const maxLeavingBytes = 16 * 1024 * 1024;
/**
 * After this many messages and samples, or this time, ms, the event loop continues: the store's answers, heartbeats.
 */
const readingTurn = 100;
const readingTime = 10;
/** Maximum delay of a batch, ms, by reading more messages, which may contain nothing. */
const longestGathering = 200;
// When the collector stops, unfinished messages return to the queue as the bus closes.
const lastSettling = 3_000;
/**
 * A failing store reports it and is retried; a batch that is neither recorded nor refused for this long, ms, is
 * stuck.
 */
const longestCommit = 180_000;
/** Number of meters that are remembered. */
const maxLoggedMeters = 1_000;

/**
 * Consumes metering messages, verifies them and records them. A message is acknowledged only when its samples are
 * committed or its dead letters are confirmed.
 *
 * Messages wait unread and are scheduled by {@link ReadScheduler}. While the store commits a batch, only the next one
 * is read and verified: if the store is unavailable, nothing more is read and, by the prefetch, nothing more is
 * received.
 */
export class Collector implements Component {
  readonly name = 'collector';
  readonly #parts: CollectorParts;
  readonly #bounds: CollectorBounds;
  readonly #metrics: CollectorMetrics;
  readonly #readers: Readers;
  readonly #scheduler: ReadScheduler;
  readonly #consumption: Consumption;
  readonly #recorder: Recorder;
  readonly #deadLetters: DeadLetterSender;
  /** By the kind of refusal. */
  readonly #logLimits = new Map<
    Refusal['kind'],
    { readonly limit: LogLimit; readonly publishers: ClaimedPublishers }
  >();
  readonly #stopping = new AbortController();
  readonly #settling = new Set<Promise<void>>();
  /** Messages that are too large to be read become dead letters one after the other. */
  #unread: Promise<void> = Promise.resolve();
  /** Total size of large messages that are being settled. */
  #leavingBytes = 0;
  #pipeline: Promise<void> | undefined;
  readonly #committing: Duty;
  #stopped: Promise<void> | undefined;
  /** Meters for which samples without a volume were logged. */
  readonly #loggedWithoutVolume = new Set<string>();

  constructor(parts: CollectorParts) {
    const { bus, clock, logger, options, registry, secrets, store } = parts;
    const { signatures } = options;
    this.#parts = parts;
    this.#bounds = { ...usualBounds, ...parts.bounds };
    const { prefetch } = this.#bounds;
    this.#metrics = createCollectorMetrics(registry);
    this.#readers = {
      messages: new KnownMessages(),
      verifier: createVerifier({ secrets, forms: signatures }),
    };
    const { signal } = this.#stopping;
    const conflicts = new Conflicts({ store, secrets, metrics: this.#metrics, clock, logger, signal });
    const oldestKept = new OldestKept({ retention: options.retention, store, clock });
    this.#recorder = new Recorder({ store, conflicts, oldestKept, metrics: this.#metrics, clock, logger });
    this.#deadLetters = new DeadLetterSender({
      queue: meteringTopology.queue,
      onWaits: (delivery, waits) => this.#consumption.setBy(delivery, waits),
      clock,
      logger,
      signal: this.#stopping.signal,
    });
    this.#committing = new Duty('a batch is neither recorded nor refused', clock);
    this.#scheduler = new ReadScheduler({
      prefetch,
      read: (delivery) => reading(delivery, this.#readers),
      unpack: (delivery) => this.#unpack(delivery),
      onDropped: (delivery) => this.#dropGone(delivery),
      onWaits: (delivery, waits) => this.#consumption.setBy(delivery, waits),
      isFull: () => this.#leavingBytes >= maxLeavingBytes,
    });
    this.#consumption = new Consumption({
      bus,
      queue: meteringTopology.queue,
      prefetch,
      maxBytes: maxHeldBytes,
      handler: (delivery) => this.#take(delivery),
      clock,
      logger,
    });
  }

  /** @throws what the bus throws if it cannot declare or consume the queue */
  async start(): Promise<void> {
    await this.#parts.bus.declare(meteringTopology);
    await this.#consumption.start();
    this.#pipeline = this.#run();
  }

  /** Receives no more, finishes the current transaction, and returns everything else to the queue. */
  stop(): Promise<void> {
    return (this.#stopped ??= this.#stop());
  }

  health(): Health {
    if (this.#pipeline === undefined) return { ok: false, reason: 'not consuming yet' };
    const { failure } = this.#recorder;
    if (failure !== undefined) return { ok: false, reason: failure };
    const committing = this.#committing.health();
    return committing.ok ? this.#deadLetters.health() : committing;
  }

  async #stop(): Promise<void> {
    this.#stopping.abort();
    await this.#consumption.stop();
    for (const left of this.#scheduler.drain()) this.#requeue(left);
    this.#scheduler.wake();
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
    if (unreadRefusal(delivery) === undefined) return this.#scheduler.add(delivery);
    // It needs no store, and must not wait for one while holding its whole body.
    this.#unread = this.#unread.then(() => this.#settle(takeIn(delivery, this.#readers)));
    this.#track(this.#unread);
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
   * Reads until the samples fill a batch or, once all waiting messages are read and the previous batch is committed,
   * some time has passed since the first.
   */
  async #nextBatch(committed: Promise<void>): Promise<readonly Intake[]> {
    const { prefetch, batchSamples, batchWait } = this.#bounds;
    // Small messages fill half of what may be in progress; the other half is for the batch being committed.
    const most = Math.ceil(prefetch / 2);
    const batch: Intake[] = [];
    let size = 0;
    let read = 0;
    let due = false;
    let timer: NodeJS.Timeout | undefined;
    const makeDue = async () => {
      await committed;
      due = true;
      this.#scheduler.wake();
    };
    let first = Infinity;
    let pause = performance.now();
    while (size < batchSamples && batch.length < most && !this.#stopping.signal.aborted) {
      if (due && performance.now() - first > longestGathering) break;
      const intake = this.#scheduler.next();
      if (intake === undefined) {
        if (due) break;
        await this.#scheduler.change();
        continue;
      }
      if (intake !== 'unfinished' && intake.samples.length === 0) {
        this.#track(this.#settle(intake));
      } else if (intake !== 'unfinished') {
        batch.push(intake);
        size += intake.samples.length;
        first = Math.min(first, performance.now());
        timer ??= setTimeout(() => void makeDue(), batchWait);
      }
      read += 1 + (intake === 'unfinished' ? 0 : intake.samples.length);
      if (read < readingTurn && performance.now() - pause < readingTime) continue;
      read = 0;
      await nextTurn();
      pause = performance.now();
    }
    clearTimeout(timer);
    return batch;
  }

  async #unpack(delivery: Delivery): Promise<Reading> {
    try {
      return reading(delivery, this.#readers, await decompressed(delivery, maxMeteringDocumentBytes));
    } catch (error) {
      return refusing(delivery, error);
    }
  }

  /** Records the batch and settles it, or requeues it if the collector stops first. Never rejects. */
  async #commit(batch: readonly Intake[]): Promise<void> {
    let refused: ReadonlyMap<Intake, readonly Refusal[]>;
    this.#committing.expect(longestCommit);
    try {
      refused = await this.#recorder.record(batch, this.#stopping.signal);
    } catch {
      // The collector was stopped, which is the only possible error here.
      for (const { delivery } of batch) this.#requeue(delivery);
      return;
    } finally {
      this.#committing.done();
    }
    // Concurrently with the next batch: dead letters do not delay samples.
    for (const intake of batch) this.#track(this.#settle(intake, refused.get(intake)));
  }

  /**
   * Settles a message whose samples are recorded, except those that the store refused: these become dead letters.
   * Never rejects.
   */
  async #settle(intake: Intake, unrecorded: readonly Refusal[] = []): Promise<void> {
    const { delivery, refusals: unread } = intake;
    if (delivery.isGone) return this.#dropGone(delivery);
    const refusals = [...unread, ...unrecorded];
    const isSafe = await this.#leaving(delivery, () =>
      this.#deadLetters.send(delivery, deadLettersOf(refusals, delivery)),
    );
    if (isSafe) {
      this.#logRefused(delivery, refusals);
      this.#logWithoutVolume(intake);
      this.#forget(delivery);
      return delivery.ack();
    }
    // Recorded samples are recorded once, however often they are delivered.
    if (delivery.isGone) this.#dropGone(delivery);
    else this.#requeue(delivery);
  }

  /** Counts it among the large ones being settled, while `send` is running. */
  async #leaving(delivery: Delivery, send: () => Promise<boolean>): Promise<boolean> {
    const { byteLength } = delivery.body;
    if (byteLength <= maxMiddleBytes) return send();
    this.#leavingBytes += byteLength;
    const isSafe = await send();
    this.#leavingBytes -= byteLength;
    this.#scheduler.wake();
    return isSafe;
  }

  #logRefused({ routingKey }: Delivery, refusals: readonly Refusal[]): void {
    const [first] = refusals;
    if (first === undefined) return;
    for (const { kind, count } of refusals) {
      this.#metrics.refused.inc({ reason: kind }, count);
      if (kind === 'conflict') this.#metrics.conflicts.inc(count);
    }
    const { limit, publishers } = this.#logLimit(first.kind);
    publishers.add(refusals);
    limit.log((count) => {
      const text =
        count === 1
          ? `a metering message went to the dead letters: ${first.reason}`
          : `${count} metering messages went to the dead letters, among them: ${first.reason}`;
      const named = publishers.take();
      this.#parts.logger.warn({ routingKey, count, ...(named.length > 0 && { publishers: named }) }, text);
    }, refusals.length);
  }

  #logLimit(kind: Refusal['kind']) {
    const made = this.#logLimits.get(kind) ?? {
      limit: new LogLimit(this.#parts.clock, this.#stopping.signal),
      publishers: new ClaimedPublishers(),
    };
    this.#logLimits.set(kind, made);
    return made;
  }

  #logWithoutVolume({ withoutVolume }: Intake): void {
    this.#metrics.withoutVolume.inc(withoutVolume.length);
    for (const { counterName, resourceId } of withoutVolume) {
      const stem = meterStem(counterName);
      if (this.#loggedWithoutVolume.has(stem) || this.#loggedWithoutVolume.size >= maxLoggedMeters) continue;
      this.#loggedWithoutVolume.add(stem);
      this.#parts.logger.info(
        { counterName, resourceId },
        `a sample of ${counterName} has no volume (null), like Ceilometer's samples of a queued image; it and later ones of this meter are counted and not recorded`,
      );
    }
  }

  #requeue(delivery: Delivery): void {
    this.#forget(delivery);
    delivery.requeue();
  }

  #dropGone(delivery: Delivery): void {
    this.#metrics.gone.inc();
    this.#forget(delivery);
  }

  /** It is settled, or its channel is gone. */
  #forget(delivery: Delivery): void {
    this.#metrics.underWay.dec();
    this.#consumption.release(delivery);
  }

  #track(settling: Promise<void>): void {
    this.#settling.add(settling);
    void settling.then(() => this.#settling.delete(settling));
  }
}
