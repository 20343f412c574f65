import { setImmediate as tick } from 'node:timers/promises';

import { orAborted } from '@nephoscope/async';
import type { InstancePart, InstanceReading } from '@nephoscope/core/instance';
import { deepFreeze } from '@nephoscope/runtime';

import type { CycleTools } from './cycle-tools.js';
import { fitHeap } from './heap.js';
import type { PollGroup } from './poll-group.js';
import { pollInTurn } from './poll-in-turn.js';
import type { Taken } from './poll-instance.js';

/**
 * One reading of the host, passed to every pollster of the groups that are due. Yields first what the pollsters
 * return synchronously, in one piece, and then promised counters as they arrive, until `signal` ends the cycle. If a
 * pollster fails or hangs, only its own counters of that instance are missing.
 *
 * @throws what the inspector throws, or the signal's reason if the reading is not complete by then
 */
export async function* runCycle(
  groups: readonly PollGroup[],
  tools: CycleTools,
  signal: AbortSignal,
): AsyncGenerator<readonly Taken[], void, undefined> {
  const asked = tools.clock.monotonic();
  const readings = await orAborted(tools.inspector.inspect(partsOf(groups), signal, tools.readingTime), signal);
  tools.metrics.instances.set(readings.length);
  fitHeap(readings.length);

  forgetOthers(groups, readings, (id) => tools.order.wasReadSince(id, asked));
  const listed = new Set(readings.map(({ instance }) => instance.id));
  tools.order.forgetOthers(listed, asked);
  tools.onListed(listed);
  yield* pollReadings(groups, tools.order.take(readings, asked), tools, signal);
  for (const { missing } of groups) missing.endCycle();
}

/** The parts that the pollsters of these groups read. */
export function partsOf(groups: readonly PollGroup[]): ReadonlySet<InstancePart> {
  return new Set(groups.flatMap((group) => [...group.parts]));
}

/** Yields the counters that the groups' pollsters make of these readings, the synchronous ones first. */
export async function* pollReadings(
  groups: readonly PollGroup[],
  readings: readonly InstanceReading[],
  tools: CycleTools,
  signal: AbortSignal,
): AsyncGenerator<readonly Taken[], void, undefined> {
  let taken: Taken[] = [];
  let promised = 0;
  let onTaken: () => void = () => undefined;
  /** Before they are passed on, so that counters that arrive meanwhile are not among them. */
  const takeAll = (): readonly Taken[] => {
    const all = taken;
    taken = [];
    return all;
  };
  // All pollsters receive the same objects: what one modified, the others would send.
  deepFreeze(readings);
  for (const group of groups) {
    const included = readings.filter(({ instance }) => group.includes(instance));
    for (const pollster of group.pollsters) {
      const wasSuspended = pollster.pause.isOn(tools.clock);
      const ended = tools.metrics.pollsters.called(pollster.name);
      let ofPollster = 0;
      for (const result of pollInTurn(group, pollster, included, tools, signal)) {
        if (!(result instanceof Promise)) {
          if (result !== undefined) taken.push(result);
          continue;
        }
        promised += 1;
        ofPollster += 1;
        void result.then((late) => {
          promised -= 1;
          ofPollster -= 1;
          if (late !== undefined) taken.push(late);
          if (ofPollster === 0) ended();
          onTaken();
        });
      }
      if (ofPollster === 0) ended();
      if (!pollster.pause.isOn(tools.clock)) continue;
      // An interrupted pollster has delayed all others, by seconds on a busy host, and the next ones may too, so what
      // is there is accepted now.
      if (!wasSuspended && taken.length > 0) yield takeAll();
      // So that the watchdog gets an answer, however many pollsters have to be interrupted.
      await tick();
    }
  }
  for (;;) {
    if (taken.length > 0) {
      yield takeAll();
      continue;
    }
    if (promised === 0) break;
    await new Promise<void>((resolve) => (onTaken = resolve));
    // Counters that arrive together are sent together.
    await tick();
  }
}

/** Discards the state of instances that the groups no longer include. */
function forgetOthers(
  groups: readonly PollGroup[],
  readings: readonly InstanceReading[],
  isNewer: (instanceId: string) => boolean,
): void {
  for (const group of groups) {
    const included = new Set<string>();
    for (const { instance } of readings) if (group.includes(instance)) included.add(instance.id);
    for (const { previous, resources } of group.pollsters)
      for (const known of [previous, resources])
        for (const id of known.keys()) if (!included.has(id) && !isNewer(id)) known.delete(id);
  }
}
