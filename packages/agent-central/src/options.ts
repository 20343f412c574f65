import { duration } from '@nephoscope/core';
import { signatureFitsWire, wireOptions } from '@nephoscope/runtime';
import { cloudOptions } from '@nephoscope/openstack';
import { busSection, commonSections, selectionOptions, statusOptions } from '@nephoscope/runtime';
import { z } from 'zod';

const options = z.strictObject({
  interval: duration()
    .prefault('10m')
    .describe(
      'Time from one reading to the next, on the clock: every 10 minutes is at :00, :10, … The same for all central agents of a broker.',
    ),
  timeout: duration()
    .prefault('5m')
    .describe(
      'How long the services may be read in a cycle, and never longer than `interval`; what is not read by then is given up.',
    ),
  ...wireOptions,
  ...selectionOptions('central pollsters'),
  pollsters: z.record(z.string(), z.unknown()).default({}).describe('Options of pollsters by their name.'),
});

/** The section `central`. */
export const centralOptions = options.refine(...signatureFitsWire);

export type CentralOptions = z.output<typeof centralOptions>;

/** What the configuration of a central agent has. */
export const centralSections = {
  ...commonSections,
  bus: busSection,
  openstack: cloudOptions
    .prefault({})
    .describe('The cloud that is read. What it leaves out comes from `clouds.yaml` and the `OS_…` variables.'),
  central: centralOptions.prefault({}).describe('The central agent.'),
  status: statusOptions(9_392),
};
