import { randomUUID } from 'node:crypto';

import { deadline, orAborted } from '@nephoscope/async';
import { NephoscopeError, describeError, formatTimestamp } from '@nephoscope/core';
import type { Clock, Health, Logger } from '@nephoscope/core';
import type { Leadership, MessageBus } from '@nephoscope/core/message-bus';
import type { Secret } from '@nephoscope/core/options';
import { ceilometerWire, createSigner, meteringTopology, nephoscopeWire } from '@nephoscope/message';
import { Duty, signatureFormOf } from '@nephoscope/runtime';
import type { Component } from '@nephoscope/runtime';
import type { Registry } from 'prom-client';

import { CycleCloud } from './cycle-cloud.js';
import type { CloudSession } from './cycle-cloud.js';
import { cycleName, nextCycle, readNote, writeNote } from './cycle-time.js';
import type { Cycle } from './cycle-time.js';
import { PollsterHistory, runCycle } from './cycle.js';
import type { ActivePollster, CycleResult } from './cycle.js';
import { createAgentMetrics } from './metrics.js';
import type { CentralOptions } from './options.js';
import type { Sending } from './sample-stream.js';

export interface CentralAgentParts {
  readonly options: CentralOptions;
  readonly source: string;
  readonly host: string;
  readonly secrets: readonly Secret[];
  /** Closed by its owner after the agent. */
  readonly session: CloudSession;
  /** Started by its owner before the agent, and stopped after it. */
  readonly bus: MessageBus;
  readonly pollsters: readonly ActivePollster[];
  /** Number of pollsters that should run but do not, for the metrics. */
  readonly failedPlugins: number;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly registry: Registry;
}

/** The lock that the central agents of a broker share. */
const lock = 'central';
/** Time limit for the bus to confirm the last samples of a cycle, ms. */
const lastConfirms = 10_000;
/** How late a cycle may be on a busy host, ms. */
const longestDelay = 60_000;
/** Pause between attempts to get the lock, ms. */
const lockPause = 5_000;
/** When the agent stops: time limit for releasing the lock, ms. */
const lastRelease = 3_000;

/**
 * Reads the services of the cloud at intervals and sends the readings. `start` makes it ready; then either `run` it
 * until it is stopped, as the one of several agents that holds the lock, or run a single cycle with `once`.
 */
export class CentralAgent implements Component {
  readonly name = 'central agent';
  readonly #parts: CentralAgentParts;
  readonly #metrics: ReturnType<typeof createAgentMetrics>;
  readonly #sending: Sending;
  readonly #stopping = new AbortController();
  readonly #histories: ReadonlyMap<string, PollsterHistory>;
  readonly #polling: Duty;
  #running: Promise<void> | undefined;
  #failure: string | undefined;

  /** @throws NOTHING_TO_POLL */
  constructor(parts: CentralAgentParts) {
    const { bus, clock, failedPlugins, host, logger, options, pollsters, registry, secrets, source } = parts;
    this.#parts = parts;
    this.#metrics = createAgentMetrics(registry);
    this.#metrics.pluginFailures.set(failedPlugins);
    this.#polling = new Duty('no cycle has ended', clock);
    this.#histories = new Map(pollsters.map(({ name }) => [name, new PollsterHistory()]));
    const signer = createSigner({ secret: secrets[0] as Secret, form: signatureFormOf(options) });
    const publisherId = `central.${host}`;
    const wire = options.wire === 'ceilometer' ? ceilometerWire({ publisherId, clock }) : nephoscopeWire;
    this.#sending = {
      ...{ source, publisherId, signer, wire },
      ...{ bus, clock, logger, metrics: this.#metrics },
    };
    if (pollsters.length === 0) {
      throw new NephoscopeError(
        'NOTHING_TO_POLL',
        'no central pollster is active: install one, or enable one in central.enabled',
      );
    }
  }

  start(): Promise<void> {
    const { bus, logger, options } = this.#parts;
    // Ceilometer declares its own exchange and queue; an additional queue of ours would have no consumer and grow.
    if (options.wire === 'ceilometer') return Promise.resolve();
    // Not awaited, because the bus may be unavailable for long.
    bus
      .declare(meteringTopology)
      .catch((error: unknown) =>
        logger.warn({ err: error }, `cannot declare the queue of metering messages yet: ${describeError(error)}`),
      );
    return Promise.resolve();
  }

  /** Runs cycles whenever this agent holds the lock, until it is stopped. */
  run(): Promise<void> {
    return (this.#running ??= this.#run());
  }

  /**
   * One separate cycle, now, whichever agent holds the lock: its samples are additional readings, beside those of the
   * active agent.
   *
   * @throws the signal's reason if it is aborted; SAMPLES_UNSENT if the bus did not confirm all samples;
   *   POLLSTERS_FAILED if counters are missing because a pollster failed, after the others are confirmed
   */
  async once(signal: AbortSignal): Promise<void> {
    // It is not repeated, and a clock that was set back may show this time again.
    const name = `${formatTimestamp(this.#parts.clock.now())} ${randomUUID()}`;
    const { unsent, failure, failed } = await this.#cycle(name, lastConfirms, signal);
    signal.throwIfAborted();
    if (unsent > 0)
      throw new NephoscopeError('SAMPLES_UNSENT', `${unsent} samples are not confirmed by the bus`, {
        cause: failure,
      });
    if (failed.length > 0)
      throw new NephoscopeError(
        'POLLSTERS_FAILED',
        `counters of ${failed.join(', ')} are missing: see the failures in the log`,
      );
  }

  /** Ends the current cycle, which the next agent repeats, and releases the lock. */
  async stop(): Promise<void> {
    this.#stopping.abort(new NephoscopeError('STOPPED', 'the agent is stopping'));
    await this.#running;
  }

  health(): Health {
    const polling = this.#polling.health();
    return polling.ok && this.#failure !== undefined ? { ok: false, reason: this.#failure } : polling;
  }

  async #run(): Promise<void> {
    const { bus, clock, logger } = this.#parts;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        await this.#lead(await orAborted(bus.lead(lock, signal), signal));
      } catch (error) {
        if (signal.aborted) return;
        logger.warn(
          { err: error },
          `this agent is on standby; next attempt to become active in ${lockPause / 1_000} s: ${describeError(error)}`,
        );
        await clock.sleep(lockPause, signal).catch(() => undefined);
      }
    }
  }

  /**
   * Runs cycles until the lock is lost or the agent stops.
   *
   * @throws what the bus throws
   */
  async #lead(leadership: Leadership): Promise<void> {
    const { clock, logger, options } = this.#parts;
    const over = new AbortController();
    const { signal } = over;
    for (const stop of [this.#stopping.signal, leadership.lost]) {
      if (stop.aborted) over.abort(stop.reason);
      stop.addEventListener('abort', () => over.abort(stop.reason), { signal });
    }
    this.#metrics.leader.set(1);
    const completed = readNote(leadership.note);
    const since = completed === undefined ? 'no cycle' : `the cycle of ${cycleName(completed)}`;
    logger.info({}, `this agent is now the active central agent; its predecessor completed ${since}`);
    try {
      let last = completed;
      let began: bigint | undefined;
      while (!signal.aborted) {
        // The next cycle may be an interval away, and the bus may need as long again.
        this.#polling.expect(2 * options.interval + lastConfirms + longestDelay);
        const cycle = await nextCycle(clock, options.interval, last, began, signal);
        if (last !== undefined && cycle.stepsBack > last.stepsBack) this.#logSetBack(cycle, last);
        last = cycle;
        began = clock.monotonic();
        const { unsent } = await this.#cycle(cycleName(cycle), options.interval, signal);
        // Not completed: the next holder of the lock within the interval repeats it, also if the broker has the note
        // but did not confirm it.
        if (unsent === 0 && !signal.aborted) await orAborted(leadership.saveNote(writeNote(cycle)), signal);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      this.#metrics.leader.set(0);
      this.#polling.done();
      over.abort();
      if (leadership.lost.aborted) logger.warn({}, 'the lock is lost: another central agent may be active');
      await this.#release(leadership);
    }
  }

  #logSetBack(cycle: Cycle, last: Cycle): void {
    this.#parts.logger.warn(
      { cycle: formatTimestamp(cycle.time), last: formatTimestamp(last.time) },
      `the wall clock is behind the last cycle, ${formatTimestamp(last.time)}: it was set back, or had been ahead; cycles continue at the time it shows, as separate readings`,
    );
  }

  async #release(leadership: Leadership): Promise<void> {
    const { clock, logger } = this.#parts;
    const time = deadline(clock, lastRelease, new Error(`not done within ${lastRelease / 1_000} s`));
    try {
      await orAborted(leadership.release(), time.signal);
    } catch (error) {
      logger.warn({ err: error }, `the lock could not be released: ${describeError(error)}`);
    } finally {
      time.end();
    }
  }

  /**
   * Never rejects.
   *
   * @param cycle its name: repeating it makes the same samples
   * @param confirmFor how long the bus may take, ms, and at least 10 s longer than the reading
   * @param stop ends it early
   */
  async #cycle(cycle: string, confirmFor: number, stop: AbortSignal): Promise<CycleResult> {
    const { clock, logger, options, pollsters, session } = this.#parts;
    const readFor = Math.min(options.timeout, options.interval);
    const bound = options.interval < options.timeout ? 'central.interval' : 'central.timeout';
    const late = (what: string) => new NephoscopeError('CYCLE_TIMEOUT', what);
    const reading = deadline(clock, readFor, late(`not done within ${readFor / 1_000} s (${bound})`), stop);
    const sendable = deadline(
      clock,
      Math.max(confirmFor, readFor + lastConfirms),
      late('the bus did not confirm them before the cycle ended'),
      stop,
    );
    const end = this.#metrics.duration.startTimer();
    const result = await runCycle(
      cycle,
      pollsters,
      {
        ...{ sending: this.#sending, clock, logger, metrics: this.#metrics, histories: this.#histories },
        cloud: new CycleCloud(session, reading.signal),
        away: () => session.away(),
      },
      reading.signal,
      sendable.signal,
    );
    reading.end();
    sendable.end();
    const seconds = Math.round(end() * 1_000) / 1_000;
    const { sent, unsent, failed } = result;
    const fields = { cycle, samples: sent, unsent, failed, seconds };
    if (stop.aborted) {
      this.#metrics.cycles.inc({ result: 'abandoned' });
      logger.warn(fields, `the cycle of ${cycle} is given up: ${describeError(stop.reason)}`);
      return result;
    }
    this.#failure =
      unsent > 0
        ? `${unsent} samples of the cycle of ${cycle} are given up: ${describeError(result.failure)}`
        : failed.length === pollsters.length
          ? `no pollster has worked since the cycle of ${cycle}: see the log`
          : undefined;
    this.#metrics.cycles.inc({ result: this.#failure === undefined ? 'done' : 'failed' });
    if (unsent > 0) logger.error(fields, this.#failure ?? '');
    else logger.info(fields, 'cycle done');
    return result;
  }
}
