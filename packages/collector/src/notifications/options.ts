import { byteSize, duration, ignoredOption, refusedOption } from '@nephoscope/core/options';
import { selectionOptions } from '@nephoscope/runtime';
import { z } from 'zod';

const ownQueue = 'nephoscope.notifications';
// oslo.messaging's name of the queue for the topic `notifications` and the priority `info`.
const servicesQueue = 'notifications.info';

/** The section `notifications`. */
export const notificationsOptions = z.strictObject({
  topics: z
    .array(z.string().min(1))
    .min(1)
    .default(['notifications'])
    .describe(
      'Topics that the services publish on: `topics` in the section `oslo_messaging_notifications` of their configuration.',
    ),
  queue: z
    .strictObject({
      owner: z
        .enum(['nephoscope', 'services'])
        .default('nephoscope')
        .describe(
          "`nephoscope`: a durable queue of its own, bound to the services' exchanges. `services`: the queue that the services declare and fill themselves, as for Ceilometer.",
        ),
      of: refusedOption('is now owner: nephoscope instead of us, services instead of others'),
      name: z
        .string()
        .min(1)
        .optional()
        .describe(
          `Its name. Default: \`${ownQueue}\`, or \`${servicesQueue}\` with \`owner: services\`. Dead letters go to the queue of that name with \`.dead\` appended.`,
        ),
      maxBytes: byteSize()
        .prefault('1GiB')
        .describe("Maximum size of Nephoscope's own queue. Beyond it the oldest notifications are dropped."),
    })
    .transform(({ name, ...queue }) => ({
      name: name ?? (queue.owner === 'nephoscope' ? ownQueue : servicesQueue),
      ...queue,
    }))
    .prefault({})
    .describe('The queue in which notifications wait for a collector.'),
  prefetch: ignoredOption('remove the key; 100 notifications are under way at once'),
  maxAge: duration()
    .prefault('400d')
    .describe(
      'Notifications that are older, whose period ended longer ago, or that are dated in the future go to the dead letters for an operator to check.',
    ),
  ...selectionOptions('notification plugins'),
  plugins: z
    .record(z.string(), z.unknown())
    .default({})
    .describe('Options of notification plugins by their name.'),
});

export type NotificationsOptions = z.output<typeof notificationsOptions>;
