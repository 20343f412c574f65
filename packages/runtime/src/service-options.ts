import { z } from 'zod';

const texts = () =>
  z
    .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
    .transform((given) => [given].flat())
    .optional();

const announces = {
  exchange: texts().describe(
    'The exchange on which it publishes notifications: its `control_exchange`. A list names several.',
  ),
  topics: texts().describe(
    'The topics of its notifications: `topics` in its section `oslo_messaging_notifications`. Default: `notifications.topics`; for nova also `versioned_notifications`.',
  ),
  publishers: texts().describe(
    'The `publisher_id`s that are accepted; `*` stands for any text. Notifications from other publishers go to the dead letters.',
  ),
};

const answers = {
  interface: z
    .enum(['public', 'internal', 'admin'])
    .optional()
    .describe(
      'Which of its endpoints the central agent uses. Default: `openstack.interface`, or `internal` for glance and `admin` for swift.',
    ),
};

const row = <Shape extends z.ZodRawShape>(shape: Shape) => z.strictObject({ ...announces, ...shape });

/** The services of the built-in plugins, with the settings that only some of them have. */
const ours = {
  nova: row({
    format: z
      .enum(['unversioned', 'versioned'])
      .optional()
      .describe(
        'The form of notifications that is consumed, as in its `notification_format`. By default both; an event in both forms is counted once. `instance_booting_time` then uses the unversioned form, because the versioned one truncates times to the second.',
      ),
  }).optional(),
  cinder: row({}).optional(),
  glance: row(answers).optional(),
  neutron: row({}).optional(),
  swift: row({
    ...answers,
    resellerPrefix: z
      .string()
      .optional()
      .describe(
        "Prefix of a project's id in the name of its account: swift's `reseller_prefix`. Default: `AUTH_`.",
      ),
  }).optional(),
};

export const knownServices: readonly string[] = Object.keys(ours);

/** The section `services`: a row for each service whose settings differ from the defaults of its plugins. */
export const serviceOptions = z.object(ours).catchall(row({}));
