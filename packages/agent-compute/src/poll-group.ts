import { createCounterMaker, meterStem, wildcards } from '@nephoscope/core';
import type { ComputePollster, ComputePollsterPlugin, Inspection, Instance, InstancePart } from '@nephoscope/core';

import { instanceFilter } from './instance-filter.js';
import type { ComputeOptions } from './options.js';

/** A pollster at work in a group, with the last readings that its next ones are compared with. */
export interface GroupPollster {
  readonly name: string;
  readonly reads: readonly InstancePart[];
  readonly pollster: ComputePollster<InstancePart>;
  readonly makeCounter: ReturnType<typeof createCounterMaker>;
  /** Declared names of the meters that this group wants of it. */
  readonly meters: readonly string[];
  wants(counterName: string): boolean;
  /** By instance id. */
  previous: Map<string, Inspection<InstancePart>>;
}

/** Meters that are read together, at one interval. */
export interface PollGroup {
  readonly name: string;
  /** ms */
  readonly interval: number;
  readonly pollsters: readonly GroupPollster[];
  readonly parts: ReadonlySet<InstancePart>;
  includes(instance: Instance): boolean;
}

/** A compute pollster and what it declares. It may serve several groups: what it compares with belongs to the group. */
export interface ActivePollster {
  readonly name: string;
  readonly plugin: ComputePollsterPlugin;
  readonly pollster: ComputePollster<InstancePart>;
}

/** The configured groups, and one named `default` for the meters that none of them takes; groups without a meter are left out. */
export function createPollGroups(options: ComputeOptions, available: readonly ActivePollster[]): readonly PollGroup[] {
  const plans = [
    ...options.groups.map((group) => ({ ...group, takes: wildcards(group.meters) })),
    { name: 'default', interval: options.interval, instances: options.instances, takes: () => true },
  ];
  const groupOf = (meter: string) => plans.find(({ takes }) => takes(meter));
  return plans
    .map((plan): PollGroup => {
      const pollsters = available.flatMap(({ name, plugin, pollster }): GroupPollster[] => {
        const meters = plugin.meters.map((meter) => meter.name).filter((meter) => groupOf(meter) === plan);
        if (meters.length === 0) return [];
        const stems = new Set(meters.map(meterStem));
        return [
          {
            name,
            reads: plugin.reads,
            pollster,
            makeCounter: createCounterMaker(plugin.meters),
            meters,
            wants: (counterName) => stems.has(meterStem(counterName)),
            previous: new Map(),
          },
        ];
      });
      return {
        name: plan.name,
        interval: plan.interval,
        pollsters,
        parts: new Set(pollsters.flatMap(({ reads }) => reads)),
        includes: instanceFilter(plan.instances),
      };
    })
    .filter(({ pollsters }) => pollsters.length > 0);
}
