import { isNephoscopeError, NephoscopeError } from '@nephoscope/core';
import type { Clock, Inspection, InstancePart, InstanceReading } from '@nephoscope/core';
import { runPluginCode } from '@nephoscope/runtime';

import type { CycleTools } from './cycle.js';
import type { GroupPollster, PollGroup } from './poll-group.js';
import { pollInstance } from './poll-instance.js';
import type { Taken } from './poll-instance.js';

/** So often a pollster is cut off in a cycle, each time after a second, before it is given up. */
const mostCuts = 3;
const firstPause = 60_000;
const longestPause = 3_600_000;

type Result = Taken | Promise<Taken | undefined> | undefined;

/** A pollster that was cut off is left alone for a time, which doubles as long as it stays so. */
export class Pause {
  #until: bigint | undefined;
  #ms = firstPause;

  /** Whether it is to be left alone now. */
  isOn(clock: Clock): boolean {
    return this.#until !== undefined && clock.monotonic() < this.#until;
  }

  /** Gives its length, ms. */
  begin(clock: Clock): number {
    const ms = this.#ms;
    this.#until = clock.monotonic() + BigInt(ms) * 1_000_000n;
    this.#ms = Math.min(2 * ms, longestPause);
    return ms;
  }

  end(): void {
    this.#until = undefined;
    this.#ms = firstPause;
  }
}

/**
 * Has a pollster poll these readings, one after the other. One that keeps the program for itself is cut off: it costs its
 * counters of this instance and of those after it, and those of the cycles in the minutes that come.
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
    failRest(0, new NephoscopeError('PLUGIN_BLOCKED', 'it had to be cut off, and is not called for some time'));
    return results;
  }
  let at = 0;
  let before: Inspection<InstancePart> | undefined;
  const work = () => {
    for (; at < readings.length; at++) {
      const reading = readings[at]!;
      before = previous.get(reading.instance.id);
      // By its place: what is cut off here is polled again, and must not be there twice.
      results[at] = pollInstance(group, pollster, reading, tools, signal);
    }
  };
  const onCut = () => {
    const id = readings[at]?.instance.id;
    if (id === undefined) return;
    delete results[at];
    pending.delete(id);
    if (before === undefined) previous.delete(id);
    else previous.set(id, before);
  };
  for (let cuts = 1; at < readings.length; cuts++) {
    const from = at;
    try {
      runPluginCode(name, work, onCut);
    } catch (error) {
      if (!isNephoscopeError(error, 'PLUGIN_BLOCKED')) throw error;
      // With many instances it may only be slow.
      if (at > from && cuts < mostCuts) continue;
      const minutes = pause.begin(clock) / 60_000;
      const text = `it kept the program to itself, was cut off, and is not called for ${minutes} min`;
      failRest(at, new NephoscopeError('PLUGIN_BLOCKED', text, { cause: error }));
      return results;
    }
  }
  pause.end();
  return results;
}
