import { isNephoscopeError } from '@nephoscope/core';
import type { NephoscopeError } from '@nephoscope/core';
import type { InstancePart, InstanceReading } from '@nephoscope/core/instance';
import type { Inspection } from '@nephoscope/core/pollster';
import { interrupted, suspended, runPluginCode } from '@nephoscope/runtime';

import type { CycleTools } from './cycle-tools.js';
import type { GroupPollster, PollGroup } from './poll-group.js';
import { pollInstance } from './poll-instance.js';
import type { Taken } from './poll-instance.js';

/** How often a pollster is interrupted in a cycle, each time after a second, before it is suspended. */
const mostCuts = 3;

type Result = Taken | Promise<Taken | undefined> | undefined;

/**
 * Has a pollster poll these readings, one after the other. One that blocks the program is interrupted: its counters
 * of this instance and later ones are missing, and those of the cycles during its suspension.
 */
export function pollInTurn(
  group: PollGroup,
  pollster: GroupPollster,
  readings: readonly InstanceReading[],
  tools: CycleTools,
  signal: AbortSignal,
): readonly Result[] {
  const { clock, failures } = tools;
  const { name, pause, pending, previous } = pollster;
  const results: Result[] = [];
  const failRest = (from: number, error: NephoscopeError) => {
    for (const { instance } of readings.slice(from)) failures.add(name, instance, error);
  };
  if (pause.isOn(clock)) {
    failRest(0, suspended());
    return results;
  }
  let at = 0;
  /** The last poll that was begun, and the reading its instance was compared with. */
  let begun: { readonly at: number; readonly before: Inspection<InstancePart> | undefined } | undefined;
  const work = () => {
    for (; at < readings.length; at++) {
      const reading = readings[at]!;
      begun = { at, before: previous.get(reading.instance.id) };
      // By index, because an interrupted poll is repeated, and must not be counted twice.
      results[at] = pollInstance(group, pollster, reading, tools, signal);
    }
  };
  const onCut = () => {
    // The interruption may come between two polls, or before the first: then there is nothing to undo.
    const id = readings[at]?.instance.id;
    if (id === undefined || begun?.at !== at) return;
    delete results[at];
    pending.delete(id);
    if (begun.before === undefined) previous.delete(id);
    else previous.set(id, begun.before);
  };
  for (let cuts = 1; at < readings.length; cuts++) {
    const from = at;
    try {
      runPluginCode(name, work, onCut);
    } catch (error) {
      if (!isNephoscopeError(error, 'PLUGIN_BLOCKED')) throw error;
      // With many instances it may only be slow.
      if (at > from && cuts < mostCuts) continue;
      failRest(at, interrupted(pause.begin(clock), error));
      return results;
    }
  }
  pause.end();
  return results;
}
