import assert from 'node:assert/strict';

import { isMissing } from '@nephoscope/core';
import type { Clock, Counter, Metadata, Missing } from '@nephoscope/core';
import type { Instance, InstancePart, InstanceReading } from '@nephoscope/core/instance';
import type { ComputePollster, ComputePollsterPlugin, Counters, Inspection } from '@nephoscope/core/pollster';
import { addVolumes, subtractVolumes } from '@nephoscope/message';
import { figureReader, KnownResources } from '@nephoscope/runtime/replies';
import type { PolledCounter, PolledMissing, PolledTotal } from '@nephoscope/runtime/replies';

import { unchanged } from './boundary.js';
import type { Boundary } from './boundary.js';
import { FakeClock } from './fake-clock.js';
import { RecordingLogger } from './recording-logger.js';
import type { LogEntry } from './recording-logger.js';

export const instanceParts: readonly InstancePart[] = ['cpu', 'memory', 'disks', 'vnics'];

/** A meter without a figure, and why. */
export interface MissingFigure {
  readonly meter: string;
  readonly reason: Missing;
  readonly resourceId: string;
}

/** The result of polling one instance once. */
export interface PollResult {
  /** The counters that the agent makes of the reply; totals as for devices that were never unplugged. */
  readonly counters: readonly PolledCounter[];
  readonly totals: readonly PolledTotal[];
  readonly missing: readonly MissingFigure[];
  readonly log: readonly LogEntry[];
}

export interface PollOptions {
  /** The previous reading of the same instance. */
  readonly previous?: InstanceReading | undefined;
  /** As written by an operator; validated by the plugin's schema. */
  readonly options?: unknown;
  readonly clock?: Clock;
  readonly signal?: AbortSignal;
}

/**
 * Passes a reading to a new pollster of the plugin, as the compute agent does. If a part that the plugin reads is
 * missing, the pollster is not called and all its meters are missing.
 *
 * @throws what the plugin throws
 */
export async function pollCounters<Options, P extends InstancePart>(
  plugin: ComputePollsterPlugin<Options, P>,
  reading: InstanceReading,
  options: PollOptions = {},
): Promise<PollResult> {
  const logger = new RecordingLogger();
  return await poll(plugin, createPollster(plugin, { ...options, logger }), reading, { ...options, logger });
}

/** Abbreviated form of the instance metadata that the agent adds to each counter. */
export function exampleMetadata({ id, name, displayName, flavor }: Instance): Metadata {
  return { display_name: displayName, name, instance_id: id, instance_type: flavor?.name ?? '' };
}

interface Surroundings {
  readonly options?: unknown;
  readonly clock?: Clock;
  readonly logger?: RecordingLogger;
}

export function createPollster<Options, P extends InstancePart>(
  plugin: ComputePollsterPlugin<Options, P>,
  { options = {}, clock = new FakeClock(), logger = new RecordingLogger() }: Surroundings,
): ComputePollster<P> {
  return plugin.create({ options: plugin.options.parse(options), logger, clock, host: 'compute-1' });
}

/** One call of a pollster for one instance: made at once, collected when the result is awaited. */
export async function poll<Options, P extends InstancePart>(
  plugin: ComputePollsterPlugin<Options, P>,
  pollster: ComputePollster<P>,
  reading: InstanceReading,
  around: PollOptions & Surroundings & { readonly across?: Boundary } = {},
): Promise<PollResult> {
  const { across = unchanged, logger = new RecordingLogger(), signal = new AbortController().signal } = around;
  const { instance, readAt } = reading;
  const inspection = inspectionOf(reading, plugin.reads);
  if (isMissing(inspection)) {
    return {
      counters: [],
      totals: [],
      missing: plugin.meters.map(({ name }) => ({ meter: name, reason: inspection, resourceId: instance.id })),
      log: [],
    };
  }
  const before = around.previous === undefined ? undefined : inspectionOf(around.previous, plugin.reads);
  const previous = before === undefined || isMissing(before) ? undefined : before;
  const given = across({ instance, inspection, previous });
  const resources = new KnownResources();
  resources.begin(Object.freeze(exampleMetadata(instance)));
  const read = figureReader(plugin.meters);
  const counters: PolledCounter[] = [];
  const totals: PolledTotal[] = [];
  const missing: MissingFigure[] = [];
  for (const item of await gather(pollster.getCounters(given, signal))) {
    const figure = read(across(item), { instance, readAt, resources });
    if ('counter' in figure) counters.push(figure.counter);
    else if ('missingFigure' in figure) missing.push(missingOf(figure.missingFigure));
    else {
      const { total } = figure;
      totals.push(total);
      const counter = counterOf(total);
      if (isMissing(counter)) missing.push(missingOf({ ...total, reason: counter }));
      else counters.push(counter);
    }
  }
  return { counters, totals, missing, log: logger.entries };
}

function missingOf({ name: meter, resourceId, reason }: PolledMissing): MissingFigure {
  return { meter, resourceId, reason };
}

/** The first counter that the agent makes of a total, or why there is none. */
function counterOf({ parts, whole, ...fields }: PolledTotal): Counter | Missing {
  let sum: number | bigint = 0n;
  for (const { volume } of parts) {
    if (typeof volume === 'object') return volume;
    sum = addVolumes(sum, volume);
  }
  return { ...fields, volume: whole === undefined ? sum : subtractVolumes(whole, sum) };
}

/** The parts that the plugin requested and no others, or why the first of them is missing. */
function inspectionOf<P extends InstancePart>(
  reading: InstanceReading,
  reads: readonly P[],
): Inspection<P> | Missing {
  const parts: Partial<Record<InstancePart, unknown>> = {};
  for (const part of reads) {
    const value = reading.parts[part];
    if (value === undefined) return { missing: 'error', detail: `the reading has no part '${part}'` };
    if (isMissing(value)) return value;
    parts[part] = value;
  }
  const { instance, readAt, readAtMonotonic } = reading;
  const inspection = { ...parts, readAt, readAtMonotonic, run: instance.run };
  for (const part of instanceParts) {
    if (!(part in parts))
      Object.defineProperty(inspection, part, {
        get: () => assert.fail(`the pollster uses '${part}', which is not in its 'reads'`),
      });
  }
  return inspection as Inspection<P>;
}

export async function gather<Item>(counters: Counters<Item>): Promise<readonly Item[]> {
  if (!(Symbol.asyncIterator in counters)) return [...(await counters)];
  const gathered: Item[] = [];
  for await (const counter of counters) gathered.push(counter);
  return gathered;
}
