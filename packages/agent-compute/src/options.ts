import { duration, signatureForms } from '@nephoscope/core';
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

/** The section `compute`. */
export const computeOptions = z.strictObject({
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
      'Where the numbers of messages, the epochs of counters and samples that could not be sent yet are kept. Belongs to one agent.',
    ),
  signature: z
    .enum(signatureForms)
    .default('canonical')
    .describe(
      "How messages are signed: `canonical`, or `ceilometer` where Ceilometer's own form is wanted, with its known weakness.",
    ),
  ...selectionOptions('compute pollsters'),
  pollsters: z.record(z.string(), z.unknown()).default({}).describe('Options of pollsters by their name.'),
  instances: instanceFilterOptions.describe('Which instances are metered, for the meters of no group.'),
  groups: z.array(group).default([]).describe('Meters with an interval of their own; the others keep `interval`.'),
});

export type ComputeOptions = z.output<typeof computeOptions>;

/** What the configuration of a compute agent has. */
export const computeSections = {
  ...commonSections,
  bus: busSection,
  inspector: pluginSection('libvirt', 'The hypervisor.'),
  compute: computeOptions.prefault({}).describe('The compute agent.'),
  status: statusOptions(9_390),
};
