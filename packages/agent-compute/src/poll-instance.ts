import { isMissing, NephoscopeError } from '@nephoscope/core';
import type {
  ComputePollManager,
  Counter,
  Counters,
  Inspection,
  Instance,
  InstancePart,
  InstanceReading,
  Missing,
} from '@nephoscope/core';
import { orAborted } from '@nephoscope/runtime';

import type { CycleTools } from './cycle.js';
import type { GroupPollster, PollGroup } from './poll-group.js';

/** Counters that one pollster made of one instance in one cycle. */
export interface Taken {
  readonly instance: Instance;
  readonly pollster: string;
  readonly counters: readonly Counter[];
}

type LateCounters = Exclude<Counters, Iterable<Counter>>;

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
        'it has not come back from an earlier cycle, and is not called again until it has',
      ),
    );
  }
  const manager: ComputePollManager<InstancePart> = {
    inspection,
    previous,
    logger,
    clock,
    signal,
    counter: pollster.makeCounter(instance, reading.readAt),
    missing: (meter, reason, resourceId) => {
      if (pollster.wants(meter)) group.gaps.add(resourceId ?? instance.name, [meter], reason);
    },
  };
  const keep = (counters: Iterable<Counter>): Taken => {
    const wanted: Counter[] = [];
    for (const counter of counters) if (pollster.wants(counter.name)) wanted.push(counter);
    metrics.samples.inc({ pollster: pollster.name }, wanted.length);
    return { instance, pollster: pollster.name, counters: wanted };
  };
  try {
    const counters = pollster.pollster.getCounters(manager, instance);
    if (Symbol.iterator in counters) return keep(counters);
    pollster.pending.add(instance.id);
    const gathered = gather(counters, signal).finally(() => pollster.pending.delete(instance.id));
    return orAborted(gathered, signal)
      .then(keep)
      .catch((error: unknown) => failed(error === signal.reason ? timedOut(error) : error));
  } catch (error) {
    return failed(error);
  }
}

/** What the pollster asked for, or why the first part that it cannot do without is missing. */
function inspectionOf(
  reading: InstanceReading,
  reads: readonly InstancePart[],
): Inspection<InstancePart> | Missing {
  const parts: Partial<Record<InstancePart, unknown>> = {};
  for (const part of reads) {
    const value = reading.parts[part];
    if (value === undefined) return { missing: 'error', detail: `the inspector did not read '${part}'` };
    if (isMissing(value)) return value;
    parts[part] = value;
  }
  return {
    ...parts,
    readAt: reading.readAt,
    readAtMonotonic: reading.readAtMonotonic,
  } as Inspection<InstancePart>;
}

async function gather(counters: LateCounters, signal: AbortSignal): Promise<Iterable<Counter>> {
  if (!(Symbol.asyncIterator in counters)) return counters;
  const gathered: Counter[] = [];
  for await (const counter of counters) {
    // Nobody waits for it any more: one that never ends must not fill the memory.
    if (signal.aborted) break;
    gathered.push(counter);
  }
  return gathered;
}

function timedOut(reason: unknown): NephoscopeError {
  return new NephoscopeError('POLLSTER_TIMEOUT', 'it was not done when the cycle ended', { cause: reason });
}
