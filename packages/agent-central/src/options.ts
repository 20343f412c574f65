import { duration } from '@nephoscope/core/options';
import { cloudOptions } from '@nephoscope/openstack';
import { signatureFitsWire, wireOptions } from '@nephoscope/runtime';
import { busSection, commonSections, selectionOptions, statusOptions } from '@nephoscope/runtime';
import { z } from 'zod';

const options = z.strictObject({
  interval: duration()
    .prefault('10m')
    .describe(
      'Time between readings, aligned to the clock: 10 minutes means at :00, :10, … Must be the same for all central agents of a broker.',
    ),
  timeout: duration()
    .prefault('5m')
    .describe(
      'Time limit for reading the services in a cycle, at most `interval`. What has not been read by then is given up.',
    ),
  ...wireOptions,
  ...selectionOptions('central pollsters'),
  pollsters: z.record(z.string(), z.unknown()).default({}).describe('Options of pollsters by their name.'),
});

/** The section `central`. */
export const centralOptions = options.refine(...signatureFitsWire);

export type CentralOptions = z.output<typeof centralOptions>;

/** The sections of a central agent's configuration. */
export const centralSections = {
  ...commonSections,
  bus: busSection,
  openstack: cloudOptions
    .prefault({})
    .describe('The cloud to read. Missing settings are taken from `clouds.yaml` and the `OS_…` variables.'),
  central: centralOptions.prefault({}).describe('The central agent.'),
  status: statusOptions(9_392),
};
