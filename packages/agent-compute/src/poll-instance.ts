import { setImmediate as turn } from 'node:timers/promises';

import { orAborted } from '@nephoscope/async';
import { NephoscopeError, isMissing } from '@nephoscope/core';
import type {
  ComputePollManager,
  Counter,
  Inspection,
  Instance,
  InstancePart,
  InstanceReading,
  Missing,
  Total,
} from '@nephoscope/core';
import { isTotal, maxCounters, readMissing } from '@nephoscope/message';

import type { CycleTools } from './cycle-tools.js';
import type { GroupPollster, PollGroup } from './poll-group.js';

/** Counters, and totals of which there will be some, that one pollster made of one instance in one cycle. */
export interface Taken {
  readonly instance: Instance;
  readonly pollster: string;
  readonly counters: readonly (Counter | Total)[];
}

/**
 * Gives one instance to one pollster. Nothing comes of it when the pollster fails, is not done when `signal` is
 * aborted, or has not come back from a call of an earlier cycle; each of these is a failure of this pollster.
 */
export function pollInstance(
  group: PollGroup,
  pollster: GroupPollster,
  reading: InstanceReading,
  { clock, logger, metrics, failures }: CycleTools,
  signal: AbortSignal,
): Taken | Promise<Taken | undefined> | undefined {
  const { instance } = reading;
  const previous = pollster.previous.get(instance.id);
  const inspection = inspectionOf(reading, pollster.reads);
  if (isMissing(inspection)) {
    group.gaps.add(instance.name, pollster.meters, inspection);
    return undefined;
  }
  pollster.previous.set(instance.id, inspection);

  const failed = (error: unknown): undefined => {
    failures.add(pollster.name, instance, error);
  };
  if (pollster.pending.has(instance.id)) {
    return failed(
      new NephoscopeError(
        'POLLSTER_PENDING',
        'it has not returned from an earlier cycle, and is not called again until it does',
      ),
    );
  }
  const taken = new TakenCounters(pollster, failed, ({ name, resourceId }, reason) =>
    group.gaps.add(resourceId === instance.id ? instance.name : resourceId, [name], reason),
  );
  let isOver = false;
  const whileItRuns = () => {
    if (isOver)
      throw new NephoscopeError('POLLSTER_LATE', 'this manager belongs to a poll that has ended: do not keep it');
  };
  const manager: ComputePollManager<InstancePart> = Object.freeze({
    inspection,
    previous,
    logger: pollster.logger ?? logger,
    clock,
    signal,
    ...pollster.makers(instance, reading.readAt),
    missing: (meter: string, reason: Missing, resourceId?: string) => {
      whileItRuns();
      taken.count();
      const why = readMissing(reason);
      if (pollster.wants(meter)) group.gaps.add(String(resourceId ?? instance.name).slice(0, 255), [meter], why);
    },
  });
  const keep = (): Taken => {
    const { counters, samples } = taken;
    metrics.pollsters.sampled(pollster.name, samples);
    return { instance, pollster: pollster.name, counters };
  };
  const over = () => {
    isOver = true;
  };
  try {
    const counters: unknown = pollster.pollster.getCounters(manager, instance);
    if (isIterable(counters)) {
      for (const counter of counters) taken.add(counter);
      over();
      return keep();
    }
    pollster.pending.add(instance.id);
    const gathered = gather(counters, taken, signal).finally(() => pollster.pending.delete(instance.id));
    return orAborted(gathered, signal)
      .then(keep)
      .catch((error: unknown) => failed(signal.aborted && error === signal.reason ? timedOut(error) : error))
      .finally(over);
  } catch (error) {
    over();
    return failed(error);
  }
}

// Bytes of all messages of one pollster and instance; a wide instance takes a hundredth.
const mostBytes = 16 * 1024 * 1024;

/** The counters of one pollster and instance, each read as it comes; one that cannot be sent costs itself. */
class TakenCounters {
  readonly counters: (Counter | Total)[] = [];
  /** How many samples come of them. */
  samples = 0;
  /**
   * Two values of one series at one moment: of a cumulative one the lower would begin an epoch that there never was.
   */
  readonly #kept = new Set<string>();
  #seen = 0;
  #bytes = 0;

  constructor(
    private readonly pollster: GroupPollster,
    private readonly failed: (error: unknown) => void,
    private readonly lacks: (total: Total, reason: Missing) => void,
  ) {}

  /** @throws COUNTERS_TOO_MANY */
  count(): void {
    this.#seen += 1;
    if (this.#seen > maxCounters) throw tooMany(`it yields or reports missing more than ${maxCounters} counters`);
  }

  /** @throws COUNTERS_TOO_MANY */
  add(given: unknown): void {
    this.count();
    try {
      if (isTotal(given)) this.#addTotal(given);
      else {
        const { counter, size } = this.pollster.readCounter(given);
        this.#bytes += size;
        this.#keep(counter);
      }
    } catch (error) {
      this.failed(error);
    }
    if (this.#bytes > mostBytes) throw tooMany(`its counters take more than ${mostBytes} bytes`);
  }

  #addTotal(given: object): void {
    const { total, size } = this.pollster.readTotal(given);
    this.#bytes += size;
    const reason = firstMissing(total);
    if (reason === undefined || !this.pollster.wants(total.name)) return this.#keep(total);
    // It makes no sample, and its other parts are noted.
    this.counters.push(total);
    this.lacks(total, reason);
  }

  #keep(made: Counter | Total): void {
    if (!this.pollster.wants(made.name)) return;
    const series = `${made.resourceId}\n${made.name}`;
    if (this.#kept.has(series))
      throw new NephoscopeError(
        'COUNTER_INVALID',
        `the counter '${made.name.slice(0, 100)}' was yielded twice for '${made.resourceId.slice(0, 100)}' in one poll: the first is sent`,
      );
    this.#kept.add(series);
    this.counters.push(made);
    this.samples += 1;
  }
}

/** Why there can be no counter of a total now. */
function firstMissing({ parts }: Total): Missing | undefined {
  for (const { volume } of parts) if (typeof volume === 'object') return volume;
  return undefined;
}

function tooMany(what: string): NephoscopeError {
  return new NephoscopeError('COUNTERS_TOO_MANY', `${what} for one instance: none of them is accepted`);
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.iterator in value;
}

/** What the pollster asked for, or why the first part that it cannot do without is missing. */
function inspectionOf(
  reading: InstanceReading,
  reads: readonly InstancePart[],
): Inspection<InstancePart> | Missing {
  const inspection: Record<string, unknown> = {};
  for (const part of reads) {
    const value = reading.parts[part];
    if (value === undefined) return { missing: 'error', detail: `the inspector did not read '${part}'` };
    if (isMissing(value)) return value;
    inspection[part] = value;
  }
  inspection['readAt'] = reading.readAt;
  inspection['readAtMonotonic'] = reading.readAtMonotonic;
  inspection['run'] = reading.instance.run;
  return Object.freeze(inspection) as Inspection<InstancePart>;
}

async function gather(given: unknown, taken: TakenCounters, signal: AbortSignal): Promise<void> {
  const isAsync = typeof given === 'object' && given !== null && Symbol.asyncIterator in given;
  const counters = isAsync ? given : await given;
  if (!isAsync && !isIterable(counters))
    throw new NephoscopeError('COUNTER_INVALID', 'it returned nothing that yields counters');
  let inOneGo = 0;
  for await (const counter of counters as AsyncIterable<unknown>) {
    // Nobody waits for it any more: one that never ends must not fill the memory.
    if (signal.aborted) return;
    taken.add(counter);
    // A pollster that never awaits anything would block all others.
    if (++inOneGo % 1_000 === 0) await turn();
  }
}

function timedOut(reason: unknown): NephoscopeError {
  return new NephoscopeError('POLLSTER_TIMEOUT', 'it had not finished when the cycle ended', { cause: reason });
}
