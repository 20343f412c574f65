import { deadline, orAborted } from '@nephoscope/async';
import { describeError, NephoscopeError } from '@nephoscope/core';
import type { Clock, Logger } from '@nephoscope/core';
import type { Inspector, LifecycleEvent } from '@nephoscope/core/inspector';
import type { InstanceReading } from '@nephoscope/core/instance';
import type { Secret } from '@nephoscope/core/options';

import { partsOf } from './cycle.js';
import { LastReadingRequests } from './last-reading-requests.js';
import type { RequestStanding } from './last-reading-requests.js';
import type { AgentMetrics } from './metrics.js';
import type { PollGroup } from './poll-group.js';
import type { ReadingOrder } from './reading-order.js';

// The time for one reading and its pollsters, ms. The inspector has its own, shorter limit for one instance.
const timeout = 5_000;
// A daemon processes five calls of a connection concurrently.
const atOnce = 4;
// This many instances that started are read together, in one reading of the host, …
const together = 5;
// … and the next of these follows after this pause, ms, so that a host that boots all its guests is not read
// continuously.
const pauseOfStarts = 5_000;
// A guest may take a while to react to the power button, and work on meanwhile; nova gives it a minute by default. So
// an instance whose end was announced is read again at this interval, ms, …
const pauseOfEnds = 2_000;
// … until it has ended, or for this long, ns, because an announced end may not happen.
const longestEnd = 75_000_000_000n;
// How many instances with unsigned announcements are read again at a time.
const unsignedAwaited = 10;

type Result = 'read' | 'covered' | 'gone' | 'failed';

export interface InstanceReadingsParts {
  readonly host: string;
  /** The secrets with which collectors sign. */
  readonly secrets: readonly Secret[];
  readonly groups: readonly PollGroup[];
  readonly inspector: Inspector;
  readonly order: ReadingOrder;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: AgentMetrics;
  /** Has readings polled and their samples sent; returns the number of samples. */
  readonly take: (readings: readonly InstanceReading[], signal: AbortSignal) => Promise<number>;
}

interface LastReading {
  readonly instanceId: string;
  readonly why: string;
  /** ns on the monotonic clock */
  readonly announcedHere: bigint;
  /** The request; undefined if the event came from libvirt, so that nothing of the run is to come. */
  readonly asked: RequestStanding | undefined;
}

/**
 * Readings of single instances beside the cycles: of those about to end, at once and before all others, and of those
 * that have just started. A request for a reading that is already in progress or waiting is merged with it.
 */
export class InstanceReadings {
  readonly #parts: InstanceReadingsParts;
  readonly #stopping = new AbortController();
  readonly #ending = new Map<string, LastReading>();
  readonly #started = new Set<string>();
  /** Instances whose announced end has not happened yet. */
  readonly #awaited = new Map<string, LastReading & { readonly run: string }>();
  /** Those of them that are due to be read again. */
  readonly #again = new Set<string>();
  /** By instance. */
  readonly #underWay = new Map<string, Promise<void>>();
  #reading: Promise<void> | undefined;
  #pausing = false;
  readonly #requests: LastReadingRequests;

  constructor(parts: InstanceReadingsParts) {
    this.#parts = parts;
    const { signal } = this.#stopping;
    const onReady = () => this.#next();
    this.#requests = new LastReadingRequests({ ...parts, signal, onReady });
  }

  /** Receives a message that requests the last reading of an instance. */
  onRequest(body: Uint8Array): void {
    if (!this.#stopping.signal.aborted) this.#requests.hear(body);
  }

  onLifecycle({ instanceId, kind }: LifecycleEvent): void {
    if (kind === 'started') {
      this.#started.add(instanceId);
      this.#next();
    } else if (kind === 'stopping') {
      this.#readStopping(instanceId);
    } else {
      // The last reading must stay the last.
      this.#started.delete(instanceId);
      this.#ended(instanceId);
      this.#parts.logger.debug({ instance: instanceId }, `${instanceId} has stopped`);
    }
  }

  /** An instance that is being read is not read twice. */
  #readStopping(instanceId: string): void {
    if (this.#stopping.signal.aborted || this.#underWay.has(instanceId) || this.#ending.has(instanceId)) return;
    const announcedHere = this.#parts.clock.monotonic();
    this.#ending.set(instanceId, { instanceId, why: 'it is stopping', announcedHere, asked: undefined });
    this.#next();
  }

  /** Ends readings in progress. */
  async stop(): Promise<void> {
    this.#stopping.abort(new NephoscopeError('STOPPED', 'the agent is stopping'));
    await Promise.all([...this.#underWay.values(), this.#reading]);
  }

  #next(): void {
    if (this.#stopping.signal.aborted) return;
    for (const [id, last] of this.#ending) {
      if (this.#underWay.size >= atOnce) return;
      this.#ending.delete(id);
      this.#runLast(last);
    }
    while (this.#underWay.size < atOnce) {
      // Unsigned requests get none of the last two slots.
      const request = this.#requests.take(this.#underWay.size < atOnce - 2);
      if (request === undefined) break;
      if (!this.#underWay.has(request.instanceId)) this.#runLast(request);
    }
    for (const id of this.#again) {
      // One slot is kept free for an instance whose end is announced now.
      if (this.#underWay.size >= atOnce - 1) return;
      this.#again.delete(id);
      const last = this.#awaited.get(id);
      if (last !== undefined && !this.#underWay.has(id))
        this.#run(id, (signal) => this.#readLast(last, signal, true));
    }
    if (this.#started.size >= together) return this.#readStartedTogether();
    for (const id of this.#started) {
      // One slot is kept free for an instance that ends.
      if (this.#underWay.size >= atOnce - 1) return;
      if (this.#underWay.has(id)) continue;
      this.#started.delete(id);
      this.#run(id, (signal) => this.#readStarted(id, signal));
    }
  }

  #runLast(last: LastReading): void {
    this.#started.delete(last.instanceId);
    this.#again.delete(last.instanceId);
    this.#run(last.instanceId, (signal) => this.#readLast(last, signal));
  }

  #run(instanceId: string, read: (signal: AbortSignal) => Promise<void>): void {
    const late = new NephoscopeError('READING_TIMEOUT', `not done within ${timeout / 1_000} s`);
    const time = deadline(this.#parts.clock, timeout, late, this.#stopping.signal);
    const reading = read(time.signal).finally(() => {
      time.end();
      this.#underWay.delete(instanceId);
      this.#next();
    });
    this.#underWay.set(instanceId, reading);
  }

  async #readLast(last: LastReading, signal: AbortSignal, isRepeated = false): Promise<void> {
    const { instanceId, why, announcedHere, asked } = last;
    const { clock, logger, metrics } = this.#parts;
    try {
      const { result, samples, reading } = await this.#read(instanceId, signal);
      metrics.lastReadings.inc({ result });
      this.#await(last, reading?.instance.run);
      const after = ((reading?.readAtMonotonic ?? clock.monotonic()) - announcedHere) / 1_000_000n;
      const texts = {
        read: `the last reading, ${samples} samples`,
        covered: 'a reading of the host just before it replaces the last reading',
        gone: 'it is no longer on this host; its previous reading is final',
      };
      const { name = instanceId } = reading?.instance ?? {};
      // Requests for instances that were never here must not fill the log.
      const isWorthLogging = !isRepeated && (result !== 'gone' || asked?.isKnown !== false);
      logger[isWorthLogging ? 'info' : 'debug'](
        { instance: instanceId, result, samples, ms: Number(after) },
        `${name}: ${texts[result]} (${why})`,
      );
    } catch (error) {
      metrics.lastReadings.inc({ result: 'failed' });
      if (this.#stopping.signal.aborted) return;
      // While it ends it often does not answer any more, which is no error after a successful reading.
      const wasRead = this.#awaited.has(instanceId);
      const level = isRepeated || asked?.isKnown === false ? 'debug' : wasRead ? 'info' : 'warn';
      const what = wasRead ? 'no further reading' : 'no last reading';
      logger[level](
        { err: error, instance: instanceId },
        `${instanceId}: ${what}, and its previous reading is the last unless it answers again (${why}): ${describeError(error)}`,
      );
    }
  }

  /** Has it read again until its end, that is, as long as it has this run. */
  #await(last: LastReading, run: string | undefined): void {
    const { instanceId, asked } = last;
    const before = this.#awaited.get(instanceId);
    if (run === undefined || (before !== undefined && before.run !== run)) return this.#ended(instanceId);
    if (asked === undefined) return;
    if (!asked.isSigned && before === undefined && this.#countUnsigned() >= unsignedAwaited) return;
    this.#awaited.set(instanceId, { ...last, run });
    if (this.#awaited.size === 1 && before === undefined) void this.#readAgain();
  }

  #countUnsigned(): number {
    return [...this.#awaited.values()].filter(({ asked }) => asked?.isSigned === false).length;
  }

  #ended(instanceId: string): void {
    this.#awaited.delete(instanceId);
    this.#again.delete(instanceId);
  }

  async #readAgain(): Promise<void> {
    const { clock } = this.#parts;
    while (this.#awaited.size > 0) {
      await clock.sleep(pauseOfEnds, this.#stopping.signal).catch(() => undefined);
      if (this.#stopping.signal.aborted) return;
      const tooOld = clock.monotonic() - longestEnd;
      for (const [id, { announcedHere }] of this.#awaited) {
        if (announcedHere < tooOld) this.#ended(id);
        else this.#again.add(id);
      }
      this.#next();
    }
  }

  async #readStarted(instanceId: string, signal: AbortSignal): Promise<void> {
    const { logger, metrics } = this.#parts;
    try {
      const { result, samples } = await this.#read(instanceId, signal);
      metrics.firstReadings.inc({ result });
      logger.debug({ instance: instanceId, result, samples }, `${instanceId} has started: first reading`);
    } catch (error) {
      metrics.firstReadings.inc({ result: 'failed' });
      this.#logUnread([instanceId], error);
    }
  }

  #readStartedTogether(): void {
    if (this.#pausing || this.#reading !== undefined) return;
    const ids = new Set(this.#started);
    this.#started.clear();
    this.#pausing = true;
    const { clock, metrics } = this.#parts;
    const late = new NephoscopeError('READING_TIMEOUT', 'not done in time');
    const time = deadline(clock, 2 * timeout, late, this.#stopping.signal);
    this.#reading = this.#readHost(ids, time.signal)
      .catch((error: unknown) => {
        metrics.firstReadings.inc({ result: 'failed' }, ids.size);
        this.#logUnread([...ids], error);
      })
      .finally(() => {
        time.end();
        this.#reading = undefined;
      });
    void clock.sleep(pauseOfStarts, this.#stopping.signal).then(
      () => {
        this.#pausing = false;
        this.#next();
      },
      () => undefined,
    );
  }

  async #readHost(ids: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
    const { clock, groups, inspector, logger, metrics, order, take } = this.#parts;
    const asked = clock.monotonic();
    const readings = await orAborted(inspector.inspect(partsOf(groups), signal), signal);
    const here = readings.filter(({ instance }) => ids.has(instance.id));
    const taken = order.take(here, asked);
    const samples = await take(taken, signal);
    metrics.firstReadings.inc({ result: 'read' }, taken.length);
    metrics.firstReadings.inc({ result: 'covered' }, here.length - taken.length);
    metrics.firstReadings.inc({ result: 'gone' }, ids.size - here.length);
    logger.info({ instances: taken.length, samples }, `${ids.size} instances have started: first readings`);
  }

  async #read(
    instanceId: string,
    signal: AbortSignal,
  ): Promise<{
    readonly result: Exclude<Result, 'failed'>;
    readonly samples: number;
    readonly reading?: InstanceReading;
  }> {
    const { clock, groups, inspector, order, take } = this.#parts;
    const asked = clock.monotonic();
    const parts = partsOf(groups);
    const found =
      inspector.inspectInstance === undefined
        ? inspector.inspect(parts, signal).then((all) => all.find(({ instance }) => instance.id === instanceId))
        : inspector.inspectInstance(instanceId, parts, signal);
    const reading = await orAborted(found, signal);
    if (reading === undefined) return { result: 'gone', samples: 0 };
    const taken = order.take([reading], asked);
    if (taken.length === 0) return { result: 'covered', samples: 0, reading };
    return { result: 'read', samples: await take(taken, signal), reading };
  }

  #logUnread(ids: readonly string[], error: unknown): void {
    if (this.#stopping.signal.aborted) return;
    const text = `not read at start, will be read in the next cycle: ${ids.slice(0, 10).join(', ')}: ${describeError(error)}`;
    this.#parts.logger.warn({ err: error, instances: ids.length }, text);
  }
}
