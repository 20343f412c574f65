import { byteSize, duration, signatureFitsWire, wireOptions } from '@nephoscope/core';
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
  instances: instanceFilterOptions.describe('Which instances this group reads.'),
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

const lastReading = z.strictObject({
  enabled: z
    .boolean()
    .default(true)
    .describe('Whether instances are read when they start and once more when they are about to end.'),
  notifications: z
    .strictObject({
      exchange: z.string().min(1).default('nova').describe("nova's exchange."),
      topics: z
        .array(z.string().min(1))
        .min(1)
        .default(['notifications'])
        .describe("nova's notification topics; `versioned_notifications` for its versioned ones."),
    })
    .optional()
    .describe(
      'For an agent without a collector: it listens to nova itself. Every such agent gets all notifications of the cloud.',
    ),
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
  lastReading: lastReading.prefault({}).describe('Readings beside the cycles, of instances that start or end.'),
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
