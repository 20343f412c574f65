import { setImmediate as turn } from 'node:timers/promises';

import type { Clock, Inspection, Inspector, InstancePart, Logger } from '@nephoscope/core';

import type { Failures } from './failures.js';
import type { AgentMetrics } from './metrics.js';
import { fitHeap } from './heap.js';
import { orAborted } from './or-aborted.js';
import type { PollGroup } from './poll-group.js';
import { pollInstance } from './poll-instance.js';
import type { Taken } from './poll-instance.js';

export interface CycleTools {
  readonly inspector: Inspector;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: AgentMetrics;
  readonly failures: Failures;
}

/**
 * One reading of the host, given to every pollster of the groups that are due. Yields what the pollsters
 * return at once in one piece, and then what others promised as it comes, until `signal` ends the cycle.
 * A pollster that fails or hangs costs its own counters of that instance.
 *
 * @throws what the inspector throws, or the signal's reason when it is not done by then: then nothing was read
 */
export async function* runCycle(
  groups: readonly PollGroup[],
  tools: CycleTools,
  signal: AbortSignal,
): AsyncGenerator<readonly Taken[], void, undefined> {
  const parts = new Set(groups.flatMap((group) => [...group.parts]));
  const readings = await orAborted(tools.inspector.inspect(parts, signal), signal);
  tools.metrics.instances.set(readings.length);
  fitHeap(readings.length);

  let taken: Taken[] = [];
  let promised = 0;
  let onTaken: () => void = () => undefined;
  for (const group of groups) {
    const included = readings.filter(({ instance }) => group.includes(instance));
    for (const pollster of group.pollsters) {
      const previous = new Map<string, Inspection<InstancePart>>();
      for (const reading of included) {
        const result = pollInstance(group, pollster, reading, previous, tools, signal);
        if (!(result instanceof Promise)) {
          if (result !== undefined) taken.push(result);
          continue;
        }
        promised += 1;
        void result.then((late) => {
          promised -= 1;
          if (late !== undefined) taken.push(late);
          onTaken();
        });
      }
      pollster.previous = previous;
    }
  }
  for (;;) {
    const now = taken;
    taken = [];
    if (now.length > 0) yield now;
    if (taken.length > 0) continue;
    if (promised === 0) break;
    await new Promise<void>((resolve) => (onTaken = resolve));
    // What comes together is sent together.
    await turn();
  }
  for (const { gaps } of groups) gaps.endCycle();
}
