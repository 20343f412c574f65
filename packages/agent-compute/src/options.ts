import { byteSize, duration } from '@nephoscope/core/options';
import { cloudOptions } from '@nephoscope/openstack';
import { signatureFitsWire, wireOptions } from '@nephoscope/runtime';
import { busSection, commonSections, pluginSection, selectionOptions, statusOptions } from '@nephoscope/runtime';
import { z } from 'zod';

import { instanceFilterOptions } from './instance-filter.js';

const group = z.strictObject({
  name: z.string().min(1).describe('For logs and metrics.'),
  interval: duration().describe('Time between readings.'),
  meters: z
    .array(z.string())
    .min(1)
    .describe('Meter names; `*` matches any text. The first group that names a meter polls it.'),
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
      'Maximum size. Beyond it the spool is thinned: of each cumulative series the first and the last reading are kept, so totals stay exact; of gauges every second reading is dropped. Dropped samples are counted and recorded as `nephoscope.samples.dropped`.',
    ),
  maxAge: duration().prefault('30d').describe('Age beyond which unsent samples are thinned.'),
});

const options = z.strictObject({
  interval: duration()
    .prefault('10m')
    .describe('Time between readings, aligned to the clock: 10 minutes means at :00, :10, …'),
  timeout: duration()
    .prefault('30s')
    .describe('Time limit of a cycle. What has not been read by then is given up.'),
  stateDirectory: z
    .string()
    .min(1)
    .default('/var/lib/nephoscope/agent-compute')
    .describe('Directory of the message numbers, the epochs of counters and the spool. Belongs to one agent.'),
  spool: spool.prefault({}).describe('The samples on disk that the bus has not confirmed yet.'),
  ...wireOptions,
  discovery: z
    .enum(['libvirt', 'nova'])
    .default('libvirt')
    .describe(
      'Source of the list of instances and their owners: `libvirt`, from the metadata that nova wrote into each domain; `nova`, from nova’s API, configured in the section `openstack`.',
    ),
  ...selectionOptions('compute pollsters'),
  pollsters: z.record(z.string(), z.unknown()).default({}).describe('Options of pollsters by their name.'),
  instances: instanceFilterOptions.describe('Which instances are metered, for the meters of no group.'),
  lastReading: lastReading
    .default('collector')
    .describe(
      'In addition to libvirt, the source that announces the end of an instance, which is then read once more: `collector`, which receives nova’s notifications; `nova`, for an agent without a collector (each such agent receives all notifications of the cloud); `off`: no readings when instances start or end.',
    ),
  groups: groups
    .default([])
    .describe('Groups of meters with separate intervals; all other meters use `interval`.'),
});

/** The section `compute`. */
export const computeOptions = options.refine(...signatureFitsWire);

export type ComputeOptions = z.output<typeof computeOptions>;

/** The sections of a compute agent's configuration. */
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
