import { setImmediate as tick } from 'node:timers/promises';

import { orAborted } from '@nephoscope/async';
import { NephoscopeError, isMissing } from '@nephoscope/core';
import type { Missing } from '@nephoscope/core';
import type { Instance, InstancePart, InstanceReading } from '@nephoscope/core/instance';
import type { Inspection } from '@nephoscope/core/pollster';
import { KnownResources, maxCounters } from '@nephoscope/runtime/replies';
import type { PolledCounter, PolledMissing, PolledTotal, ReadFigure } from '@nephoscope/runtime/replies';

import type { CycleTools } from './cycle-tools.js';
import type { GroupPollster, PollGroup } from './poll-group.js';

/** Counters, and totals to be settled, that one pollster made of one instance in one cycle. */
export interface Taken {
  readonly instance: Instance;
  readonly pollster: string;
  readonly counters: readonly (PolledCounter | PolledTotal)[];
}

/**
 * Has one pollster poll one instance. The result is empty, and a failure of this pollster, if it fails, has not
 * finished when `signal` is aborted, or has not returned from a call of an earlier cycle.
 */
export function pollInstance(
  group: PollGroup,
  pollster: GroupPollster,
  reading: InstanceReading,
  { metrics, failures }: CycleTools,
  signal: AbortSignal,
): Taken | Promise<Taken | undefined> | undefined {
  const { instance } = reading;
  const previous = pollster.previous.get(instance.id);
  const inspection = inspectionOf(reading, pollster.reads);
  if (isMissing(inspection)) {
    group.missing.add(instance.name, pollster.meters, inspection);
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
  const taken = new TakenCounters(group, pollster, reading, failed);
  const keep = (): Taken => {
    const { counters, samples, resources } = taken;
    if (!resources.isEmpty) pollster.resources.set(instance.id, resources);
    metrics.pollsters.sampled(pollster.name, samples);
    // The copy reserves no room for more.
    return { instance, pollster: pollster.name, counters: counters.slice() };
  };
  try {
    const counters: unknown = pollster.pollster.getCounters(
      Object.freeze({ instance, inspection, previous }),
      signal,
    );
    if (isIterable(counters)) {
      for (const counter of counters) taken.add(counter);
      return keep();
    }
    pollster.pending.add(instance.id);
    const gathered = gather(counters, taken, signal).finally(() => pollster.pending.delete(instance.id));
    return orAborted(gathered, signal)
      .then(keep)
      .catch((error: unknown) => failed(signal.aborted && error === signal.reason ? timedOut(error) : error));
  } catch (error) {
    return failed(error);
  }
}

// Limit for all messages of one pollster and instance, in bytes; a large instance takes a hundredth of it.
const mostBytes = 16 * 1024 * 1024;

/** The reply of one pollster for one instance, read item by item; one that cannot be sent affects only itself. */
class TakenCounters {
  readonly counters: (PolledCounter | PolledTotal)[] = [];
  /** The number of resulting samples. */
  samples = 0;
  /**
   * The names accepted for each resource. A second value of a cumulative series at the same time could be lower, and
   * would begin a false epoch.
   */
  readonly #kept = new Map<string, Set<string>>();
  readonly #polled: Parameters<GroupPollster['read']>[1];
  #seen = 0;
  #bytes = 0;

  constructor(
    private readonly group: PollGroup,
    private readonly pollster: GroupPollster,
    { instance, readAt }: InstanceReading,
    private readonly failed: (error: unknown) => void,
  ) {
    const { id } = instance;
    const resources = pollster.resources.get(id) ?? new KnownResources();
    resources.begin(group.metadataOf(instance));
    this.#polled = { instance, readAt, resources };
  }

  /** The metadata of the instance's resources, to be recognised in the next poll. */
  get resources(): KnownResources {
    return this.#polled.resources;
  }

  /** @throws COUNTERS_TOO_MANY */
  add(given: unknown): void {
    this.#seen += 1;
    if (this.#seen > maxCounters) throw tooMany(`it yields or reports missing more than ${maxCounters} counters`);
    try {
      this.#add(this.pollster.read(given, this.#polled));
    } catch (error) {
      this.failed(error);
    }
    if (this.#bytes > mostBytes) throw tooMany(`its counters take more than ${mostBytes} bytes`);
  }

  #add(read: ReadFigure): void {
    if ('missingFigure' in read) return this.#miss(read.missingFigure);
    this.#bytes += read.size;
    if ('counter' in read) return this.#keep(read.counter);
    const { total } = read;
    const reason = firstMissing(total);
    if (reason === undefined || !this.pollster.wants(total.name)) return this.#keep(total);
    // It makes no sample, but its other parts are stored.
    this.counters.push(total);
    this.#miss({ name: total.name, resourceId: total.resourceId, reason });
  }

  #miss({ name, resourceId, reason }: PolledMissing): void {
    const { id, name: instanceName } = this.#polled.instance;
    if (this.pollster.wants(name))
      this.group.missing.add(resourceId === id ? instanceName : resourceId.slice(0, 255), [name], reason);
  }

  #keep(made: PolledCounter | PolledTotal): void {
    if (!this.pollster.wants(made.name)) return;
    let names = this.#kept.get(made.resourceId);
    if (names === undefined) this.#kept.set(made.resourceId, (names = new Set()));
    if (names.has(made.name))
      throw new NephoscopeError(
        'COUNTER_INVALID',
        `the counter '${made.name.slice(0, 100)}' was yielded twice for '${made.resourceId.slice(0, 100)}' in one poll: the first is sent`,
      );
    names.add(made.name);
    this.counters.push(made);
    this.samples += 1;
  }
}

/** Why a total has no counter now. */
function firstMissing({ parts }: PolledTotal): Missing | undefined {
  for (const { volume } of parts) if (typeof volume === 'object') return volume;
  return undefined;
}

function tooMany(what: string): NephoscopeError {
  return new NephoscopeError('COUNTERS_TOO_MANY', `${what} for one instance: none of them is accepted`);
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.iterator in value;
}

/** The requested parts, or the reason why the first necessary part is missing. */
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
    // The result is no longer wanted: a pollster that never ends must not fill the memory.
    if (signal.aborted) return;
    taken.add(counter);
    // A pollster that never awaits anything would block all others.
    if (++inOneGo % 1_000 === 0) await tick();
  }
}

function timedOut(reason: unknown): NephoscopeError {
  return new NephoscopeError('POLLSTER_TIMEOUT', 'it had not finished when the cycle ended', { cause: reason });
}
