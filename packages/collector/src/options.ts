import { duration, signatureForms } from '@nephoscope/core';
import { busSection, commonSections, pluginSection, statusOptions } from '@nephoscope/runtime';
import { z } from 'zod';

import { notificationsOptions } from './notifications/options.js';

/** The section `collector`. */
export const collectorOptions = z.strictObject({
  prefetch: z
    .number()
    .int()
    .min(1)
    .max(65_535)
    .default(200)
    .describe('Messages that may be under way to the store at once; bounds memory.'),
  batch: z
    .strictObject({
      samples: z
        .number()
        .int()
        .min(1)
        .default(2_000)
        .describe('Samples that are recorded in one transaction, at the most a message more.'),
      wait: duration().prefault('20ms').describe('How long a transaction waits for more samples to come.'),
    })
    .prefault({}),
  signatures: z
    .array(z.enum(signatureForms))
    .min(1)
    .default([...signatureForms])
    .describe(
      "Forms of signature that are accepted. Ceilometer's has a known weakness: leave it out where nothing signs in it.",
    ),
});

export type CollectorOptions = z.output<typeof collectorOptions>;

/** What the configuration of a collector has. */
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
