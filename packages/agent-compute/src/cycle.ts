import { isMissing, NephoscopeError } from '@nephoscope/core';
import type { Clock, ComputePollManager, Counter, Counters, Inspection, Inspector, Instance, InstancePart, InstanceReading, Logger, Missing } from '@nephoscope/core';

import type { Gaps } from './gaps.js';
import type { AgentMetrics } from './metrics.js';
import type { GroupPollster, PollGroup } from './poll-group.js';

/** Counters that one pollster made of one instance in one cycle. */
export interface Taken {
  readonly instance: Instance;
  readonly pollster: string;
  readonly counters: readonly Counter[];
}

export interface CycleTools {
  readonly inspector: Inspector;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: AgentMetrics;
  readonly gaps: Gaps;
}

/**
 * One reading of the host, given to every pollster of the groups that are due. Yields what the pollsters
 * return at once in one piece, and then what others promised as it comes, until `signal` ends the cycle.
 * A pollster that fails or hangs costs its own counters of that instance.
 *
 * @throws what the inspector throws: then nothing was read
 */
export async function* runCycle(groups: readonly PollGroup[], tools: CycleTools, signal: AbortSignal): AsyncGenerator<readonly Taken[], void, undefined> {
  const parts = new Set(groups.flatMap((group) => [...group.parts]));
  const readings = await tools.inspector.inspect(parts, signal);
  tools.metrics.instances.set(readings.length);

  const atOnce: Taken[] = [];
  const promised = new Set<Promise<Taken | undefined>>();
  for (const group of groups) {
    const included = readings.filter(({ instance }) => group.includes(instance));
    for (const pollster of group.pollsters) {
      const previous = new Map<string, Inspection<InstancePart>>();
      for (const reading of included) {
        const result = pollInstance(pollster, reading, previous, tools, signal);
        if (result instanceof Promise) promised.add(result);
        else if (result !== undefined) atOnce.push(result);
      }
      pollster.previous = previous;
    }
  }
  tools.gaps.endCycle();
  yield atOnce;

  while (promised.size > 0) {
    const [promise, taken] = await Promise.race([...promised].map(async (each) => [each, await each] as const));
    promised.delete(promise);
    if (taken !== undefined) yield [taken];
  }
}

function pollInstance(
  pollster: GroupPollster,
  reading: InstanceReading,
  nextPrevious: Map<string, Inspection<InstancePart>>,
  tools: CycleTools,
  signal: AbortSignal,
): Taken | Promise<Taken | undefined> | undefined {
  const { instance } = reading;
  const before = pollster.previous.get(instance.id);
  const inspection = inspectionOf(reading, pollster.reads);
  if (isMissing(inspection)) {
    tools.gaps.add(instance.name, pollster.meters, inspection);
    if (before !== undefined) nextPrevious.set(instance.id, before);
    return undefined;
  }
  nextPrevious.set(instance.id, inspection);

  const manager: ComputePollManager<InstancePart> = {
    inspection,
    previous: before,
    logger: tools.logger,
    clock: tools.clock,
    signal,
    counter: pollster.makeCounter(instance, reading.readAt),
    missing: (meter, reason, resourceId) => {
      if (pollster.wants(meter)) tools.gaps.add(resourceId ?? instance.name, [meter], reason);
    },
  };
  const keep = (counters: Iterable<Counter>): Taken => {
    const wanted: Counter[] = [];
    for (const counter of counters) if (pollster.wants(counter.name)) wanted.push(counter);
    tools.metrics.samples.inc({ pollster: pollster.name }, wanted.length);
    return { instance, pollster: pollster.name, counters: wanted };
  };
  const failed = (error: unknown): undefined => {
    tools.metrics.pollErrors.inc({ pollster: pollster.name });
    tools.logger.error({ err: error, pollster: pollster.name, instance: instance.id }, `the pollster '${pollster.name}' failed for ${instance.name}; its counters of this cycle are missing`);
  };
  try {
    const counters = pollster.pollster.getCounters(manager, instance);
    if (Symbol.iterator in counters) return keep(counters);
    return settle(counters, signal).then(keep).catch(failed);
  } catch (error) {
    return failed(error);
  }
}

/** What the pollster asked for, or why the first part that it cannot do without is missing. */
function inspectionOf(reading: InstanceReading, reads: readonly InstancePart[]): Inspection<InstancePart> | Missing {
  const parts: Partial<Record<InstancePart, unknown>> = {};
  for (const part of reads) {
    const value = reading.parts[part];
    if (value === undefined) return { missing: 'error', detail: `the inspector did not read '${part}'` };
    if (isMissing(value)) return value;
    parts[part] = value;
  }
  return { ...parts, readAt: reading.readAt, readAtMonotonic: reading.readAtMonotonic } as Inspection<InstancePart>;
}

/** Waits for counters that come later, but no longer than the cycle. */
async function settle(counters: Exclude<Counters, Iterable<Counter>>, signal: AbortSignal): Promise<Iterable<Counter>> {
  let onAbort: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(new NephoscopeError('POLLSTER_TIMEOUT', 'it was not done when the time of the cycle was over', { cause: signal.reason }));
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([gather(counters), aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

async function gather(counters: Exclude<Counters, Iterable<Counter>>): Promise<Iterable<Counter>> {
  if (!(Symbol.asyncIterator in counters)) return counters;
  const gathered: Counter[] = [];
  for await (const counter of counters) gathered.push(counter);
  return gathered;
}
