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

/** A pollster at work in a group, with the last readings that its next ones are compared with. */
export interface GroupPollster {
  readonly name: string;
  readonly reads: readonly InstancePart[];
  readonly pollster: ComputePollster<InstancePart>;
  /** An item that it yielded, as ours. */
  readonly read: ReturnType<typeof figureReader>;
  /** Declared names of the meters that this group wants of it. */
  readonly meters: readonly string[];
  /** Whether this group sends counters of that name, which the plugin declares. */
  wants(counterName: string): boolean;
  /** By instance id. */
  readonly previous: Map<string, Inspection<InstancePart>>;
  /** What it said last of an instance's resources, by instance id. */
  readonly resources: Map<string, KnownResources>;
  /** Instances whose counters it promised and has not given yet. */
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
  /** The same object for an instance of which nothing has changed. */
  metadataOf(instance: Instance): Metadata;
  includes(instance: Instance): boolean;
}

/** A compute pollster and what it declares. It may serve several groups: what it compares with belongs to the group. */
export interface ActivePollster {
  readonly name: string;
  readonly plugin: ComputePollsterPlugin;
  readonly pollster: ComputePollster<InstancePart>;
  /** Not to be called until then, on the monotonic clock. */
  readonly suspendedUntil?: bigint | undefined;
}

/**
 * The configured groups, and one named `default` for the meters that none of them takes; groups without a meter are
 * left out.
 */
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

/** What groups name and no active pollster makes, or an earlier group has taken: most often a name that is mistyped. */
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

/** Nothing when none of its meters are this group's. */
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
