import { z } from 'zod';

export const novaOptions = z.strictObject({
  exchange: z
    .string()
    .min(1)
    .default('nova')
    .describe('The exchange that nova publishes on: its `control_exchange`.'),
  publishers: z
    .array(z.string().min(1))
    .min(1)
    // Its services in either form; all of them, since which one announces an event has changed between versions.
    .default(['compute.*', 'api.*', 'conductor.*', 'scheduler.*', 'cells.*', 'nova-*:*'])
    .describe(
      'What nova writes as `publisher_id`; `*` stands for any text. Notifications of others wait among the dead letters.',
    ),
  format: z
    .enum(['auto', 'unversioned', 'versioned'])
    .default('auto')
    .describe(
      'Which form of notifications is listened to, as in nova’s `notification_format`. `auto` takes both; an event that comes in both is counted once. `instance_booting_time` takes the unversioned form with `auto`, since the versioned one cuts times to the second.',
    ),
  versionedTopics: z
    .array(z.string().min(1))
    .min(1)
    .default(['versioned_notifications'])
    .describe('The topics of the versioned form: nova’s `versioned_notifications_topics`.'),
});

export type NovaOptions = z.output<typeof novaOptions>;
