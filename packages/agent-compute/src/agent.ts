import { deadline, orAborted } from '@nephoscope/async';
import { describeError, NephoscopeError } from '@nephoscope/core';
import type { Clock, Health, Logger, ServiceSettings } from '@nephoscope/core';
import type { Inspector } from '@nephoscope/core/inspector';
import type { InstanceReading } from '@nephoscope/core/instance';
import type { MessageBus, Subscription as BusSubscription } from '@nephoscope/core/message-bus';
import type { Secret } from '@nephoscope/core/options';
import { lastReadingQueue } from '@nephoscope/message';
import { Duty, longestInterval, schedule, singleFlight, untilAborted } from '@nephoscope/runtime';
import type { Component } from '@nephoscope/runtime';

import { pollReadings, runCycle } from './cycle.js';
import type { CycleTools } from './cycle-tools.js';
import { Failures } from './failures.js';
import { MissingFigures } from './missing-figures.js';
import { InstanceReadings } from './instance-readings.js';
import type { AgentMetrics } from './metrics.js';
import { hearAnnouncements } from './nova-announcements.js';
import type { ComputeOptions } from './options.js';
import type { Outbox } from './outbox.js';
import { InstanceMetadata } from './instance-metadata.js';
import { createPollGroups, idlePatterns } from './poll-group.js';
import type { ActivePollster, PollGroup } from './poll-group.js';
import { ReadingOrder } from './reading-order.js';

export interface ComputeAgentParts {
  readonly options: ComputeOptions;
  /** nova's settings, for an agent that listens to nova directly. */
  readonly nova?: ServiceSettings | undefined;
  readonly host: string;
  readonly secrets: readonly Secret[];
  /** Started and stopped by the caller, before and after the agent. */
  readonly inspector: Inspector;
  readonly bus: MessageBus;
  readonly outbox: Outbox;
  readonly pollsters: readonly ActivePollster[];
  /** Number of pollsters that should run but do not, for the metrics. */
  readonly failedPlugins: number;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly metrics: AgentMetrics;
}

// The rest of a cycle's time is for its pollsters and the spool.
const shareOfReading = 2 / 3;
// How late a cycle may be on a busy host, ms.
const longestDelay = 60_000;
// How long a stopping agent waits for its subscriptions to end, ms.
const longestLeave = 1_000;

/**
 * Reads the instances of this host at their intervals and passes the readings to the outbox. Either `run` it until it
 * is stopped, or run single cycles with `once`.
 */
export class ComputeAgent implements Component {
  readonly name = 'compute agent';
  readonly #parts: ComputeAgentParts;
  readonly #metrics: AgentMetrics;
  readonly #groups: readonly PollGroup[];
  readonly #metadata: InstanceMetadata;
  readonly #stopping = new AbortController();
  readonly #order: ReadingOrder;
  readonly #readings: InstanceReadings;
  readonly #polling: Duty;
  #unwatch: () => void = () => undefined;
  #listening: readonly Promise<BusSubscription | undefined>[] = [];
  #schedule: ReturnType<ReturnType<typeof schedule>['subscribe']> | undefined;
  #cycle: Promise<unknown> | undefined;
  #stopped: Promise<void> | undefined;
  #failure: string | undefined;

  /** @throws NOTHING_TO_POLL */
  constructor(parts: ComputeAgentParts) {
    const { failedPlugins, logger, metrics, options, pollsters } = parts;
    this.#parts = parts;
    this.#metrics = metrics;
    this.#metrics.pluginFailures.set(failedPlugins);
    this.#metadata = new InstanceMetadata(parts.host);
    this.#groups = createPollGroups(
      options,
      pollsters,
      () => new MissingFigures(this.#metrics, logger),
      this.#metadata,
    );
    for (const { group, pattern } of idlePatterns(options, pollsters))
      logger.warn(
        { group, meter: pattern },
        `the group '${group}' of compute.groups gets no meter '${pattern}': no active pollster produces it, or an earlier group includes it`,
      );
    this.#order = new ReadingOrder(parts.clock);
    this.#polling = new Duty('no cycle has ended', parts.clock);
    this.#readings = new InstanceReadings({
      host: parts.host,
      secrets: parts.secrets,
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

  start(): Promise<void> {
    return Promise.resolve();
  }

  /** Runs cycles until the agent is stopped. Rejects only if the clock fails. */
  async run(): Promise<void> {
    const { signal } = this.#stopping;
    if (signal.aborted) return;
    this.#hear();
    this.#expectCycle();
    const take = singleFlight<PollGroup>(
      (due) => this.#runScheduled(due),
      (late) => this.#skip(late, 'the previous one has not finished'),
    );
    const onMissed = (cycles: number, ms: number) => this.#miss(cycles, ms);
    const failed = new Promise<never>((_, reject) => {
      const due = schedule(this.#groups, this.#parts.clock, onMissed);
      this.#schedule = due.subscribe({ next: take, error: reject });
    });
    await Promise.race([untilAborted(signal), failed]);
  }

  /**
   * One cycle of all groups; resolves when the bus has confirmed all its samples.
   *
   * @throws what made the reading fail; SAMPLES_UNSENT if `signal` is aborted before they are confirmed;
   *   POLLSTERS_FAILED if counters are missing because a pollster failed, after the others are confirmed
   */
  async once(signal: AbortSignal): Promise<void> {
    const failures = await this.#runCycle(this.#groups, signal);
    await this.#parts.outbox.flush(signal);
    const { pollsters } = failures;
    if (pollsters.length > 0)
      throw new NephoscopeError(
        'POLLSTERS_FAILED',
        `counters of ${pollsters.join(', ')} are missing: see the failures in the log`,
      );
  }

  /** Ends the current cycle. */
  stop(): Promise<void> {
    return (this.#stopped ??= this.#stop());
  }

  health(): Health {
    const polling = this.#polling.health();
    const outbox = this.#parts.outbox.health();
    if (!polling.ok) return outbox.ok ? polling : { ...polling, reason: `${polling.reason}: ${outbox.reason}` };
    return this.#failure === undefined ? outbox : { ok: false, reason: this.#failure };
  }

  async #stop(): Promise<void> {
    this.#schedule?.unsubscribe();
    this.#stopping.abort(new NephoscopeError('STOPPED', 'the agent is stopping'));
    this.#unwatch();
    await Promise.all([this.#cycle, this.#readings.stop(), this.#leave()]);
  }

  async #runScheduled(due: readonly PollGroup[]): Promise<void> {
    const { signal } = this.#stopping;
    if (signal.aborted) return;
    // The cycle logs its own failure.
    await this.#runCycle(due).catch(() => undefined);
    this.#expectCycle();
  }

  /** The next cycle is due in the shortest interval, or later by the allowed delay. */
  #expectCycle(): void {
    const next = longestInterval * Math.min(...this.#groups.map(({ interval }) => interval));
    this.#polling.expect(next + this.#parts.options.timeout + longestDelay);
  }

  /** @param signals end it early */
  #runCycle(due: readonly PollGroup[], ...signals: readonly AbortSignal[]): Promise<Failures> {
    const cycle = this.#poll(due, signals);
    this.#cycle = cycle.catch(() => undefined);
    return cycle;
  }

  async #poll(due: readonly PollGroup[], signals: readonly AbortSignal[]): Promise<Failures> {
    const { clock, logger, options, outbox } = this.#parts;
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
      for await (const taken of runCycle(due, tools, time.signal))
        samples += await outbox.take(taken, failures, time.signal);
      this.#failure = undefined;
      metrics.cycles.inc({ result: 'done' });
      const seconds = Math.round(end() * 1_000) / 1_000;
      logger.info({ groups: due.map(({ name }) => name), samples, seconds }, 'cycle done');
      return failures;
    } catch (error) {
      end();
      this.#failure = describeError(error);
      metrics.cycles.inc({ result: 'failed' });
      if (!this.#stopping.signal.aborted)
        logger.error(
          { err: error },
          `${samples === 0 ? 'nothing' : `${samples} samples, not all,`} was accepted in this cycle: ${this.#failure}`,
        );
      throw error;
    } finally {
      time.end();
      failures.log();
    }
  }

  /** Has single instances polled by all groups and accepts the samples; returns their number. */
  async #take(readings: readonly InstanceReading[], signal: AbortSignal): Promise<number> {
    const tools = this.#tools();
    let samples = 0;
    try {
      for await (const taken of pollReadings(this.#groups, readings, tools, signal))
        samples += await this.#parts.outbox.take(taken, tools.failures, signal);
    } finally {
      tools.failures.log();
    }
    return samples;
  }

  #tools(): CycleTools {
    const { clock, inspector, logger, options, outbox } = this.#parts;
    const failures = new Failures(this.#metrics, logger);
    const readingTime = options.timeout * shareOfReading;
    return {
      ...{ inspector, readingTime, clock, logger, metrics: this.#metrics, failures, order: this.#order },
      onListed: (instanceIds) => {
        this.#metadata.forgetOthers(instanceIds);
        outbox.listed(instanceIds);
      },
    };
  }

  /** Subscribes to starts and ends of instances. */
  #hear(): void {
    const { bus, host, inspector, logger, nova, options } = this.#parts;
    if (options.lastReading === 'off') return;
    this.#unwatch = inspector.watch?.((event) => this.#readings.onLifecycle(event)) ?? this.#unwatch;
    const onRequest = (body: Uint8Array) => this.#readings.onRequest(body);
    // Not awaited, because the bus may be unavailable for long, and the agent works meanwhile.
    const routes = ['signed', 'unsigned'] as const;
    const listening = routes.map((route) => bus.listen(lastReadingQueue(host, route), onRequest));
    if (options.lastReading === 'nova') listening.push(hearAnnouncements(bus, host, nova ?? {}, onRequest));
    this.#listening = listening.map((one) =>
      one.catch((error: unknown) => {
        if (!this.#stopping.signal.aborted)
          logger.warn({ err: error }, `last readings cannot be requested: ${describeError(error)}`);
        return undefined;
      }),
    );
  }

  /** What does not end in time is ended by the bus when it stops. */
  async #leave(): Promise<void> {
    const time = deadline(this.#parts.clock, longestLeave, new Error('the bus does not answer'));
    const cancel = this.#listening.map(async (one) => (await one)?.cancel());
    await orAborted(Promise.allSettled(cancel), time.signal).catch(() => undefined);
    time.end();
  }

  #miss(cycles: number, ms: number): void {
    this.#metrics.skipped.inc(cycles);
    this.#parts.logger.warn(
      { cycles, seconds: Math.round(ms) / 1_000 },
      `the agent was not running for ${ms / 1_000} s, ${cycles} cycle${cycles === 1 ? ' is' : 's are'} skipped: its process was stopped, had no CPU time, or was blocked`,
    );
  }

  #skip(late: readonly PollGroup[], reason: string): void {
    this.#metrics.skipped.inc();
    this.#parts.logger.warn({ groups: late.map(({ name }) => name) }, `a cycle is skipped: ${reason}`);
  }
}
