import assert from 'node:assert/strict';

import { isMissing, meterStem } from '@nephoscope/core';
import type {
  Clock,
  ComputePollManager,
  ComputePollster,
  ComputePollsterPlugin,
  Counter,
  Counters,
  Inspection,
  Instance,
  InstancePart,
  InstanceReading,
  Metadata,
  Missing,
  Total,
} from '@nephoscope/core';
import { addVolumes, createCounterMaker, subtractVolumes } from '@nephoscope/message';

import { FakeClock } from './fake-clock.js';
import { RecordingLogger } from './recording-logger.js';
import type { LogEntry } from './recording-logger.js';

export const instanceParts: readonly InstancePart[] = ['cpu', 'memory', 'disks', 'vnics'];

/** A meter that has no figure, and why. */
export interface Gap {
  readonly meter: string;
  readonly reason: Missing;
  readonly resourceId: string | undefined;
}

/** What came of polling one instance once. */
export interface PollResult {
  /** Those that it made, and those that the agent makes of its totals when nothing has gone before. */
  readonly counters: readonly Counter[];
  readonly totals: readonly Total[];
  readonly gaps: readonly Gap[];
  readonly log: readonly LogEntry[];
}

export interface PollOptions {
  /** The last earlier reading of the same instance. */
  readonly previous?: InstanceReading | undefined;
  /** As an operator writes them; checked by the plugin's schema. */
  readonly options?: unknown;
  readonly clock?: Clock;
  readonly signal?: AbortSignal;
}

/**
 * Gives a reading to a new pollster of the plugin, as the compute agent does. An instance of which a part that the
 * plugin reads is missing is not given to it: then all its meters are gaps.
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

const made = new WeakMap<Instance, Metadata>();

/** What the agent says of an instance in each counter, in short: the same object for the same instance. */
export function exampleMetadata(instance: Instance): Metadata {
  let metadata = made.get(instance);
  if (metadata === undefined) {
    const { id, name, displayName, flavor } = instance;
    metadata = Object.freeze({
      display_name: displayName,
      name,
      instance_id: id,
      instance_type: flavor?.name ?? '',
    });
    made.set(instance, metadata);
  }
  return metadata;
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

/** One call of a pollster for one instance: made at once, gathered when the result is awaited. */
export async function poll<Options, P extends InstancePart>(
  plugin: ComputePollsterPlugin<Options, P>,
  pollster: ComputePollster<P>,
  reading: InstanceReading,
  around: PollOptions & Surroundings = {},
): Promise<PollResult> {
  const {
    clock = new FakeClock(),
    logger = new RecordingLogger(),
    signal = new AbortController().signal,
  } = around;
  const inspection = inspectionOf(reading, plugin.reads);
  if (isMissing(inspection)) {
    return {
      counters: [],
      totals: [],
      gaps: plugin.meters.map(({ name }) => ({ meter: name, reason: inspection, resourceId: undefined })),
      log: [],
    };
  }
  const before = around.previous === undefined ? undefined : inspectionOf(around.previous, plugin.reads);
  const declared = new Set(plugin.meters.map(({ name }) => meterStem(name)));
  const gaps: Gap[] = [];
  const manager: ComputePollManager<P> = {
    inspection,
    previous: before === undefined || isMissing(before) ? undefined : before,
    logger,
    clock,
    signal,
    ...createCounterMaker(plugin.meters, exampleMetadata)(reading.instance, reading.readAt),
    missing: (meter, reason, resourceId) => {
      assert.ok(declared.has(meterStem(meter)), `missing('${meter}'): the meter is not in the plugin's table`);
      gaps.push({ meter, reason, resourceId });
    },
  };
  const made = await gather(pollster.getCounters(manager, reading.instance));
  const totals = made.filter(isTotal);
  const counters = made.flatMap((one): readonly Counter[] => {
    if (!isTotal(one)) return [one];
    const counter = counterOf(one);
    if (!isMissing(counter)) return [counter];
    manager.missing(one.name, counter, one.resourceId === reading.instance.id ? undefined : one.resourceId);
    return [];
  });
  return { counters, totals, gaps, log: logger.entries };
}

function isTotal(made: Counter | Total): made is Total {
  return 'parts' in made;
}

/** The first counter that the agent makes of a total, or why there is none. */
function counterOf({ parts, whole, ...fields }: Total): Counter | Missing {
  let sum: number | bigint = 0n;
  for (const { volume } of parts) {
    if (typeof volume === 'object') return volume;
    sum = addVolumes(sum, volume);
  }
  return { ...fields, volume: whole === undefined ? sum : subtractVolumes(whole, sum) };
}

/** What the plugin asked for and nothing else, or why the first part of it is missing. */
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
