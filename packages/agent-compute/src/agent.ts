import {
  ceilometerWire,
  createSigner,
  describeError,
  lastReadingQueue,
  meteringTopology,
  nephoscopeWire,
  NephoscopeError,
  signatureFormOf,
} from '@nephoscope/core';
import type {
  Clock,
  Health,
  Inspector,
  InstanceReading,
  Logger,
  MessageBus,
  Secret,
  Subscription as BusSubscription,
} from '@nephoscope/core';
import { deadline, orAborted, schedule, singleFlight, untilAborted } from '@nephoscope/runtime';
import type { Component } from '@nephoscope/runtime';
import type { Registry } from 'prom-client';
import type { Subscription } from 'rxjs';

import { pollReadings, runCycle } from './cycle.js';
import type { CycleTools } from './cycle.js';
import { Failures } from './failures.js';
import { Gaps } from './gaps.js';
import { InstanceReadings } from './instance-readings.js';
import { Intake } from './intake.js';
import { MessageWriter, pieces } from './message-writer.js';
import { createAgentMetrics } from './metrics.js';
import { hearAnnouncements } from './nova-announcements.js';
import type { ComputeOptions } from './options.js';
import { createPollGroups } from './poll-group.js';
import type { ActivePollster, PollGroup } from './poll-group.js';
import { ReadingOrder } from './reading-order.js';
import { Dropped } from './spool/dropped.js';
import { Sender } from './spool/sender.js';
import { Spool } from './spool/spool.js';
import { StateDirectory } from './state-directory.js';

export interface ComputeAgentParts {
  readonly options: ComputeOptions;
  readonly source: string;
  readonly host: string;
  readonly secrets: readonly Secret[];
  /** Started and stopped by whoever made them, before and after the agent. */
  readonly inspector: Inspector;
  readonly bus: MessageBus;
  readonly pollsters: readonly ActivePollster[];
  /** How many pollsters do not run though they should; for the metrics. */
  readonly failedPlugins: number;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly registry: Registry;
}

// When the agent stops, so long it waits for the bus. The bus needs up to 5 s of its own after that, and all of
// it must be over within 10 s.
const lastFlush = 3_000;

// So long the agent waits, when it stops, until it hears no more of instances that end, ms.
const longestLeave = 1_000;

// Counters that are written and made durable together.
const pieceSize = 2_000;

/** What there is from the start on. */
interface Work {
  readonly writer: MessageWriter;
  readonly intake: Intake;
  readonly sender: Sender;
  /** Ends all of it. */
  close(): Promise<void>;
}

/**
 * Reads the instances of this host at their intervals and sends what it read. `start` makes it ready;
 * then either `run` it until it is stopped, or let it do single cycles with `once`.
 */
export class ComputeAgent implements Component {
  readonly name = 'compute agent';
  readonly #parts: ComputeAgentParts;
  readonly #metrics: ReturnType<typeof createAgentMetrics>;
  readonly #groups: readonly PollGroup[];
  readonly #state: StateDirectory;
  readonly #stopping = new AbortController();
  readonly #order: ReadingOrder;
  readonly #readings: InstanceReadings;
  #unwatch: () => void = () => undefined;
  #listening: readonly Promise<BusSubscription | undefined>[] = [];
  #work: Work | undefined;
  #subscription: Subscription | undefined;
  #cycle: Promise<unknown> | undefined;
  #stopped: Promise<void> | undefined;
  #failure: string | undefined;

  /** @throws NOTHING_TO_POLL */
  constructor(parts: ComputeAgentParts) {
    const { failedPlugins, logger, options, pollsters, registry } = parts;
    this.#parts = parts;
    this.#metrics = createAgentMetrics(registry);
    this.#metrics.pluginFailures.set(failedPlugins);
    this.#groups = createPollGroups(options, pollsters, () => new Gaps(this.#metrics, logger));
    this.#state = new StateDirectory(options.stateDirectory);
    this.#order = new ReadingOrder(parts.clock);
    this.#readings = new InstanceReadings({
      groups: this.#groups,
      inspector: parts.inspector,
      order: this.#order,
      clock: parts.clock,
      logger,
      metrics: this.#metrics,
      take: (readings, signal) => this.#take(readings, signal),
    });
    if (this.#groups.length === 0) {
      throw new NephoscopeError(
        'NOTHING_TO_POLL',
        'no compute pollster is active: install one, or enable one in compute.enabled',
      );
    }
  }

  /** @throws STATE_DIRECTORY, SPOOL_UNAVAILABLE */
  async start(): Promise<void> {
    const { bus, options } = this.#parts;
    await this.#state.open();
    try {
      this.#work = await this.#open();
    } catch (error) {
      await this.#state.close();
      throw error;
    }
    // Exchange and queue of a Ceilometer are its own; a queue of ours beside them would have no reader, and grow.
    if (options.wire === 'ceilometer') return;
    // Not awaited: the bus may be away for long, and the agent works meanwhile.
    bus
      .declare(meteringTopology)
      .catch((error: unknown) =>
        this.#parts.logger.warn(
          { err: error },
          `cannot declare the queue of metering messages yet: ${describeError(error)}`,
        ),
      );
  }

  /** Cycles until the agent is stopped. Rejects only when the clock fails. */
  async run(): Promise<void> {
    const { signal } = this.#stopping;
    if (signal.aborted) return;
    this.#hear();
    const take = singleFlight<PollGroup>(
      (due) => this.#runScheduled(due),
      (late) => this.#skip(late, 'the one before is not done'),
    );
    const failed = new Promise<never>((_, reject) => {
      this.#subscription = schedule(this.#groups, this.#parts.clock).subscribe({ next: take, error: reject });
    });
    await Promise.race([untilAborted(signal), failed]);
  }

  /**
   * One cycle of all groups; resolves when the bus has confirmed all its samples.
   *
   * @throws what made the reading fail; SAMPLES_UNSENT when `signal` is aborted before they are confirmed;
   *   POLLSTERS_FAILED when counters are missing because a pollster failed, after the others are confirmed
   */
  async once(signal: AbortSignal): Promise<void> {
    const failures = await this.#runCycle(this.#groups, signal);
    await this.#ready().sender.flush(signal);
    const { pollsters } = failures;
    if (pollsters.length > 0)
      throw new NephoscopeError(
        'POLLSTERS_FAILED',
        `counters of ${pollsters.join(', ')} are missing: see the failures in the log`,
      );
  }

  /** Ends the cycle that runs, sends what it can in 3 s and keeps the rest on disk for the next start. */
  stop(): Promise<void> {
    return (this.#stopped ??= this.#stop());
  }

  health(): Health {
    if (this.#work === undefined) return { ok: false, reason: 'not started' };
    if (this.#failure !== undefined) return { ok: false, reason: this.#failure };
    const { intake, sender } = this.#work;
    return [intake.health(), sender.health()].find(({ ok }) => !ok) ?? { ok: true };
  }

  async #open(): Promise<Work> {
    const { bus, clock, host, logger, options, secrets, source } = this.#parts;
    const metrics = this.#metrics;
    const state = await this.#state.load();
    const signer = createSigner({ secret: secrets[0] as Secret, form: signatureFormOf(options) });
    const forCeilometer = (publisherId: string) => ceilometerWire({ publisherId, clock });
    const wire = options.wire === 'ceilometer' ? forCeilometer : () => nephoscopeWire;
    const writer = new MessageWriter({ source, publisher: `compute.${host}`, signer, wire }, state);
    const dropped = new Dropped(state.dropped);
    // It may hold messages of another wire, from before that was chosen.
    const wires = [nephoscopeWire, forCeilometer(writer.publisherId)];
    const saveState = () =>
      this.#state.save({ agentId: state.agentId, sequence: writer.sequence, dropped: dropped.totals });
    const spool = await Spool.open(
      {
        folder: this.#state.spool,
        options: options.spool,
        dropped,
        report: (total) => writer.report(total, clock.now()),
        wireOf: (contentType) => wires.find((one) => one.contentType === contentType),
        saveTotals: saveState,
        clock,
        logger,
        metrics,
      },
      state.sequence,
    );
    writer.continueFrom(spool.sequence);
    // Proves that the directory takes writes before anything depends on it.
    await this.#state.saveEpochs(writer.epochs);
    await saveState();
    const intake = new Intake({
      writer,
      spool,
      saveEpochs: () => this.#state.saveEpochs(writer.epochs),
      clock,
      logger,
    });
    const sender = new Sender({ spool, bus, clock, logger, metrics });
    const close = async () => {
      sender.stop();
      await spool.close();
      await saveState();
    };
    return { writer, intake, sender, close };
  }

  async #stop(): Promise<void> {
    const { clock, logger } = this.#parts;
    this.#subscription?.unsubscribe();
    this.#stopping.abort(new NephoscopeError('STOPPED', 'the agent is stopping'));
    this.#unwatch();
    await Promise.all([this.#cycle, this.#readings.stop(), this.#leave()]);
    try {
      if (this.#work === undefined) return;
      const { close, sender } = this.#work;
      const time = deadline(clock, lastFlush, new Error('the agent does not wait longer'));
      await sender.flush(time.signal).catch((error: unknown) => {
        logger.warn({ err: error }, `${describeError(error)}; they are in the spool, and sent at the next start`);
      });
      time.end();
      await close();
    } finally {
      await this.#state.close();
    }
  }

  async #runScheduled(due: readonly PollGroup[]): Promise<void> {
    const { signal } = this.#stopping;
    if (signal.aborted) return;
    // It tells its own failure.
    await this.#runCycle(due).catch(() => undefined);
  }

  /** @param signals end it before its time */
  #runCycle(due: readonly PollGroup[], ...signals: readonly AbortSignal[]): Promise<Failures> {
    const cycle = this.#poll(due, signals);
    this.#cycle = cycle.catch(() => undefined);
    return cycle;
  }

  async #poll(due: readonly PollGroup[], signals: readonly AbortSignal[]): Promise<Failures> {
    const { clock, logger, options } = this.#parts;
    const { writer, intake } = this.#ready();
    const tools = this.#tools();
    const metrics = this.#metrics;
    const { failures } = tools;
    const end = metrics.duration.startTimer();
    const late = new NephoscopeError(
      'CYCLE_TIMEOUT',
      `not done within ${options.timeout / 1_000} s (compute.timeout)`,
    );
    const time = deadline(clock, options.timeout, late, this.#stopping.signal, ...signals);
    let samples = 0;
    try {
      for await (const taken of runCycle(due, tools, time.signal)) {
        for (const piece of pieces(writer.label(taken, Number(clock.now() / 1_000_000n)), pieceSize))
          samples += await intake.take(piece, failures, time.signal);
      }
      this.#failure = undefined;
      metrics.cycles.inc({ result: 'done' });
      logger.info({ groups: due.map(({ name }) => name), samples, seconds: end() }, 'cycle done');
      return failures;
    } catch (error) {
      end();
      this.#failure = describeError(error);
      metrics.cycles.inc({ result: 'failed' });
      if (!this.#stopping.signal.aborted)
        logger.error(
          { err: error },
          `${samples === 0 ? 'nothing' : `${samples} samples, not all,`} was taken in this cycle: ${this.#failure}`,
        );
      throw error;
    } finally {
      time.end();
      failures.tell();
    }
  }

  /** Has readings of single instances polled by all groups and takes the samples; gives their number. */
  async #take(readings: readonly InstanceReading[], signal: AbortSignal): Promise<number> {
    const { writer, intake } = this.#ready();
    const tools = this.#tools();
    let samples = 0;
    try {
      for await (const taken of pollReadings(this.#groups, readings, tools, signal)) {
        const labelled = writer.label(taken, Number(this.#parts.clock.now() / 1_000_000n));
        samples += await intake.take(labelled, tools.failures, signal);
      }
    } finally {
      tools.failures.tell();
    }
    return samples;
  }

  #tools(): CycleTools {
    const { clock, inspector, logger } = this.#parts;
    const failures = new Failures(this.#metrics, logger);
    return { inspector, clock, logger, metrics: this.#metrics, failures, order: this.#order };
  }

  /** Begins to hear of instances that start and end. */
  #hear(): void {
    const { bus, host, inspector, logger, options } = this.#parts;
    const { enabled, notifications } = options.lastReading;
    if (!enabled) return;
    this.#unwatch = inspector.watch?.((event) => this.#readings.onLifecycle(event)) ?? this.#unwatch;
    const onRequest = (body: Uint8Array) => this.#readings.onRequest(body);
    // Not awaited: the bus may be away for long, and the agent works meanwhile.
    const listening = [bus.listen(lastReadingQueue(host), onRequest)];
    if (notifications !== undefined) listening.push(hearAnnouncements(bus, host, notifications, onRequest));
    this.#listening = listening.map((one) =>
      one.catch((error: unknown) => {
        if (!this.#stopping.signal.aborted)
          logger.warn({ err: error }, `last readings cannot be asked for: ${describeError(error)}`);
        return undefined;
      }),
    );
  }

  /** The bus, when it stops, ends what cannot be ended in time. */
  async #leave(): Promise<void> {
    const time = deadline(this.#parts.clock, longestLeave, new Error('the bus does not answer'));
    const cancel = this.#listening.map(async (one) => (await one)?.cancel());
    await orAborted(Promise.allSettled(cancel), time.signal).catch(() => undefined);
    time.end();
  }

  #skip(late: readonly PollGroup[], reason: string): void {
    this.#metrics.skipped.inc();
    this.#parts.logger.warn({ groups: late.map(({ name }) => name) }, `a cycle is skipped: ${reason}`);
  }

  #ready(): Work {
    if (this.#work === undefined) throw new NephoscopeError('AGENT_NOT_STARTED', 'start the agent first');
    return this.#work;
  }
}
