import { z } from 'zod';

const texts = () =>
  z
    .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
    .transform((given) => [given].flat())
    .optional();

const announces = {
  exchange: texts().describe(
    'The exchange on which it publishes its notifications: its `control_exchange`. Several are a list.',
  ),
  topics: texts().describe(
    'The topics of its notifications: `topics` of its section `oslo_messaging_notifications`. Default: `notifications.topics`, and of nova `versioned_notifications` beside them.',
  ),
  publishers: texts().describe(
    'What it writes as `publisher_id`; `*` stands for any text. Notifications of others wait among the dead letters.',
  ),
};

const answers = {
  interface: z
    .enum(['public', 'internal', 'admin'])
    .optional()
    .describe(
      'Which of its endpoints the central agent asks. Default: `openstack.interface`, or what is usual for it.',
    ),
};

const row = <Shape extends z.ZodRawShape>(shape: Shape) => z.strictObject({ ...announces, ...shape });

/** The services that our own plugins know, and what is peculiar to them. */
const ours = {
  nova: row({
    format: z
      .enum(['unversioned', 'versioned'])
      .optional()
      .describe(
        'Which form of its notifications is listened to, as in its `notification_format`. By default both, and an event that comes in both is counted once; `instance_booting_time` then takes the unversioned form, since the versioned one cuts times to the second.',
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
        "What stands before a project's id in the name of its account: its `reseller_prefix`. Default: `AUTH_`.",
      ),
  }).optional(),
};

export const knownServices: readonly string[] = Object.keys(ours);

/** The section `services`: a row for each service of the cloud that is not as its plugins know it by default. */
export const serviceOptions = z.object(ours).catchall(row({}));
