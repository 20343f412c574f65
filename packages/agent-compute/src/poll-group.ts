import { meterStem } from '@nephoscope/core';
import type { Metadata } from '@nephoscope/core';
import type { Instance, InstancePart } from '@nephoscope/core/instance';
import { wildcards } from '@nephoscope/core/options';
import type { ComputePollster, ComputePollsterPlugin, Inspection } from '@nephoscope/core/pollster';
import { Pause } from '@nephoscope/runtime';
import { figureReader } from '@nephoscope/runtime/replies';
import type { KnownResources } from '@nephoscope/runtime/replies';

import type { MissingFigures } from './missing-figures.js';
import { instanceFilter } from './instance-filter.js';
import type { InstanceMetadata } from './instance-metadata.js';
import type { ComputeOptions } from './options.js';

/** A pollster in a group, with the readings that its next ones are compared with. */
export interface GroupPollster {
  readonly name: string;
  readonly reads: readonly InstancePart[];
  readonly pollster: ComputePollster<InstancePart>;
  /** Reads an item that it yielded into a new object. */
  readonly read: ReturnType<typeof figureReader>;
  /** Declared names of its meters that this group includes. */
  readonly meters: readonly string[];
  /** Whether this group sends counters of that name, which the plugin declares. */
  wants(counterName: string): boolean;
  /** By instance id. */
  readonly previous: Map<string, Inspection<InstancePart>>;
  /** The cached metadata of an instance's resources, by instance id. */
  readonly resources: Map<string, KnownResources>;
  /** Instances whose counters it promised and has not returned yet. */
  readonly pending: Set<string>;
  readonly pause: Pause;
}

/** Meters that are read together, at one interval. */
export interface PollGroup {
  readonly name: string;
  /** ms */
  readonly interval: number;
  readonly pollsters: readonly GroupPollster[];
  readonly parts: ReadonlySet<InstancePart>;
  readonly missing: MissingFigures;
  /** Returns the same object for an unchanged instance. */
  metadataOf(instance: Instance): Metadata;
  includes(instance: Instance): boolean;
}

/** A compute pollster and its plugin. It may serve several groups: previous readings belong to the group. */
export interface ActivePollster {
  readonly name: string;
  readonly plugin: ComputePollsterPlugin;
  readonly pollster: ComputePollster<InstancePart>;
  /** Not called until then, on the monotonic clock. */
  readonly suspendedUntil?: bigint | undefined;
}

/** The configured groups, and one named `default` for all other meters; groups without a meter are omitted. */
export function createPollGroups(
  options: ComputeOptions,
  available: readonly ActivePollster[],
  newMissingFigures: () => MissingFigures,
  metadata: InstanceMetadata,
): readonly PollGroup[] {
  const plans = [
    ...options.groups.map((group) => ({ ...group, takes: wildcards(group.meters) })),
    { name: 'default', interval: options.interval, instances: options.instances, takes: () => true },
  ];
  const metadataOf = (instance: Instance) => metadata.of(instance);
  const groupOf = (meter: string) => plans.find(({ takes }) => takes(meter));
  return plans
    .map((plan): PollGroup => {
      const pollsters = available.flatMap((one) => groupPollster(one, (meter) => groupOf(meter) === plan));
      return {
        name: plan.name,
        interval: plan.interval,
        pollsters,
        parts: new Set(pollsters.flatMap(({ reads }) => reads)),
        missing: newMissingFigures(),
        metadataOf,
        includes: instanceFilter(plan.instances, metadataOf),
      };
    })
    .filter(({ pollsters }) => pollsters.length > 0);
}

/**
 * Patterns of groups that match no meter of an active pollster, or only those of an earlier group: usually a mistyped
 * name.
 */
export function idlePatterns(
  options: Pick<ComputeOptions, 'groups'>,
  available: readonly Pick<ActivePollster, 'plugin'>[],
): readonly { readonly group: string; readonly pattern: string }[] {
  let left = available.flatMap(({ plugin }) => plugin.meters.map(({ name }) => name));
  return options.groups.flatMap(({ name: group, meters }) => {
    const idle = meters.filter((pattern) => !left.some(wildcards([pattern])));
    const takes = wildcards(meters);
    left = left.filter((meter) => !takes(meter));
    return idle.map((pattern) => ({ group, pattern }));
  });
}

/** Undefined if none of its meters belong to this group. */
function groupPollster(
  { name, plugin, pollster, suspendedUntil }: ActivePollster,
  isOurs: (meter: string) => boolean,
): GroupPollster[] {
  const declared = plugin.meters.map((meter) => meter.name);
  const meters = declared.filter(isOurs);
  if (meters.length === 0) return [];
  const wanted = new Set(meters.map(meterStem));
  return [
    {
      name,
      reads: plugin.reads,
      pollster,
      read: figureReader(plugin.meters),
      meters,
      wants: (counterName) => wanted.has(counterName) || wanted.has(meterStem(counterName)),
      previous: new Map(),
      resources: new Map(),
      pending: new Set(),
      pause: new Pause(suspendedUntil),
    },
  ];
}
