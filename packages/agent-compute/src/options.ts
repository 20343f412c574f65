import { byteSize, duration } from '@nephoscope/core';
import { signatureFitsWire, wireOptions } from '@nephoscope/runtime';
import { cloudOptions } from '@nephoscope/openstack';
import { busSection, commonSections, pluginSection, selectionOptions, statusOptions } from '@nephoscope/runtime';
import { z } from 'zod';

import { instanceFilterOptions } from './instance-filter.js';

const group = z.strictObject({
  name: z.string().min(1).describe('For logs and metrics.'),
  interval: duration().describe('Time from one reading to the next.'),
  meters: z
    .array(z.string())
    .min(1)
    .describe('Meter names, `*` for any text. The first group that names a meter polls it.'),
  instances: instanceFilterOptions.meta({
    description: 'Which instances this group reads; the same keys as `compute.instances`.',
    sameAs: 'compute.instances',
  }),
});

const groups = z.array(group).superRefine((all, context) => {
  const names = ['default', ...all.map(({ name }) => name)];
  for (const [index, { name }] of all.entries())
    if (names.indexOf(name) <= index)
      context.addIssue({
        code: 'custom',
        path: [index, 'name'],
        message: name === 'default' ? "'default' is the group of the other meters" : 'another group has this name',
      });
});

const askedBy = ['collector', 'nova', 'off'] as const;
const lastReading = z.enum(askedBy, {
  error: ({ input }) =>
    typeof input === 'object' && input !== null
      ? 'is a word now: collector for enabled: true, nova for notifications (whose exchange and topics are written in services.nova), off for enabled: false'
      : undefined,
});

const spool = z.strictObject({
  maxBytes: byteSize()
    .prefault('4GiB')
    .describe(
      'How large it may become while the bus is away. Then it is thinned: of each cumulative series the first and the last reading stay, so that totals stay exact; of gauges every second one is dropped. What was dropped is counted, and recorded as `nephoscope.samples.dropped`.',
    ),
  maxAge: duration()
    .prefault('30d')
    .describe('How long what is not sent stays as it was taken; what is older is thinned.'),
});

const options = z.strictObject({
  interval: duration()
    .prefault('10m')
    .describe('Time from one reading to the next, on the clock: every 10 minutes is at :00, :10, …'),
  timeout: duration()
    .prefault('30s')
    .describe('How long a cycle may take before what is not read by then is given up.'),
  stateDirectory: z
    .string()
    .min(1)
    .default('/var/lib/nephoscope/agent-compute')
    .describe(
      'Where the numbers of messages, the epochs of counters and the spool are kept. Belongs to one agent.',
    ),
  spool: spool.prefault({}).describe('Samples on disk, from when they are taken until the bus has them.'),
  ...wireOptions,
  discovery: z
    .enum(['libvirt', 'nova'])
    .default('libvirt')
    .describe(
      'Who says which instances there are and whose: `libvirt`, what nova wrote into each domain; `nova`, its API, with the section `openstack`.',
    ),
  ...selectionOptions('compute pollsters'),
  pollsters: z.record(z.string(), z.unknown()).default({}).describe('Options of pollsters by their name.'),
  instances: instanceFilterOptions.describe('Which instances are metered, for the meters of no group.'),
  lastReading: lastReading
    .default('collector')
    .describe(
      'Where the agent learns that an instance is about to end, beside libvirt, so that it reads it once more: `collector`, which receives nova’s notifications; `nova`, for an agent without a collector (each such agent receives all notifications of the cloud); `off`: no readings when instances start or end.',
    ),
  groups: groups.default([]).describe('Meters with an interval of their own; the others keep `interval`.'),
});

/** The section `compute`. */
export const computeOptions = options.refine(...signatureFitsWire);

export type ComputeOptions = z.output<typeof computeOptions>;

/** What the configuration of a compute agent has. */
export const computeSections = {
  ...commonSections,
  bus: busSection,
  inspector: pluginSection('libvirt', 'The hypervisor.'),
  compute: computeOptions.prefault({}).describe('The compute agent.'),
  openstack: cloudOptions
    .prefault({})
    .describe('The cloud and how to log in to it, for `compute.discovery: nova`.'),
  status: statusOptions(9_390),
};
