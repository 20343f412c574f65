import { z } from 'zod';

export const instanceMeterOptions = z.strictObject({
  exchange: z
    .string()
    .min(1)
    .default('nova')
    .describe('The exchange that nova publishes on: its `control_exchange`.'),
  format: z
    .enum(['auto', 'unversioned', 'versioned'])
    .default('auto')
    .describe(
      'Which form of notifications is listened to, as in nova’s `notification_format`. `auto` takes both; an event that comes in both is counted once.',
    ),
  versionedTopics: z
    .array(z.string().min(1))
    .min(1)
    .default(['versioned_notifications'])
    .describe('The topics of the versioned form: nova’s `versioned_notifications_topics`.'),
});

export type InstanceMeterOptions = z.output<typeof instanceMeterOptions>;
