import { duration, ignoredOption } from '@nephoscope/core/options';
import { signatureForms } from '@nephoscope/message';
import { busSection, commonSections, pluginSection, statusOptions } from '@nephoscope/runtime';
import { z } from 'zod';

import { usualBounds } from './bounds.js';
import { notificationsOptions } from './notifications/options.js';

/** The section `collector`. */
export const collectorOptions = z.strictObject({
  prefetch: ignoredOption(`remove the key; ${usualBounds.prefetch} messages are under way to the store at once`),
  batch: ignoredOption(`remove the key; ${usualBounds.batchSamples} samples are recorded at once`),
  retention: duration()
    .optional()
    .describe(
      'How long samples are kept after their timestamp, plus one day; older ones are removed every hour. Samples that may only seem old because of a wrong clock are kept until they are removed with `nephoscope retention`. Default: forever.',
    ),
  signatures: z
    .array(z.enum(signatureForms))
    .min(1)
    .default(['canonical'])
    .describe(
      "Accepted forms of signature. Ceilometer's own agents, and Nephoscope's with `wire: ceilometer`, need `[canonical, ceilometer]`. " +
        'That form does not cover all of a message: see [security](security.md).',
    ),
});

export type CollectorOptions = z.output<typeof collectorOptions>;

/** The sections of a collector's configuration. */
export const collectorSections = {
  ...commonSections,
  bus: busSection,
  storage: pluginSection('sql', 'The sample store.'),
  collector: collectorOptions.prefault({}).describe('The collector.'),
  notifications: notificationsOptions
    .prefault({})
    .describe('What services announce, and its translation to samples.'),
  status: statusOptions(9_391),
};
