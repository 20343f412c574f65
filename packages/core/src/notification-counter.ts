import { z } from 'zod';

import type { Counter, Metadata } from './counter.js';
import { NephoscopeError } from './errors.js';
import type { Meter } from './meter.js';
import type { Notification, NotificationHandler } from './notification.js';
import { defineNotificationHandler } from './plugin.js';
import type { Plugin } from './plugin.js';
import { parseTimestamp } from './timestamp.js';

/** What a notification says of one resource. */
export interface NotificationFigure {
  readonly volume: number | bigint;
  readonly resourceId: string;
  readonly projectId: string | null;
  readonly userId: string | null;
  /** The plugin's own list of payload fields; `event_type` and `host` are added. */
  readonly metadata: Metadata;
  /** The emitted name of a meter with a variable part: `instance:m1.small` of `instance:<flavor>`. */
  readonly name?: string;
}

/**
 * A counter of `meter` at the time of the notification; as in Ceilometer, `host` of its metadata is the publisher.
 *
 * @throws NOTIFICATION_FIELD when the notification's timestamp is none
 */
export function notificationCounter(
  notification: Notification,
  meter: Pick<Meter, 'name' | 'type' | 'unit'>,
  { volume, resourceId, projectId, userId, metadata, name = meter.name }: NotificationFigure,
): Counter {
  return {
    name,
    type: meter.type,
    unit: meter.unit,
    volume,
    userId,
    projectId,
    resourceId,
    timestamp: timeOf(notification),
    resourceMetadata: { ...metadata, event_type: notification.eventType, host: notification.publisherId },
  };
}

/** What a plugin makes of the notifications of one service that have the priority INFO. */
export interface ServiceNotifications {
  readonly service: string;
  /** Where the service publishes by default (`control_exchange`); the operator may name others. */
  readonly exchanges: readonly string[];
  /** What the service writes as `publisher_id`, `*` for any text (the default); the operator may name others. */
  readonly publishers?: readonly string[];
  readonly eventTypes: readonly string[];
  readonly meters: readonly Meter[];
  readonly eventId?: (notification: Notification) => string;
  readonly counters: (notification: Notification) => Iterable<Counter>;
}

/** What an operator may set of such a plugin. */
export interface ServiceOptions {
  exchanges: string[];
  publishers: string[];
}

/** A plugin whose only options are where its service publishes, and as whom. */
export function defineServiceNotifications({
  service,
  exchanges,
  publishers = ['*'],
  eventTypes,
  meters,
  eventId,
  counters,
}: ServiceNotifications): Plugin<'collector', ServiceOptions, NotificationHandler> {
  return defineNotificationHandler({
    options: z.strictObject({
      exchanges: texts([...exchanges]).describe(
        `The exchanges (\`control_exchange\`) on which ${service} publishes its notifications.`,
      ),
      publishers: texts([...publishers]).describe(
        `What ${service} writes as \`publisher_id\`; \`*\` stands for any text. Notifications of others wait among the dead letters.`,
      ),
    }),
    meters,
    create: ({ options }) => ({
      eventTypes,
      publishers: options.publishers,
      exchangeTopics: ({ notificationTopics }) => {
        const topics = notificationTopics.map((topic) => `${topic}.info`);
        return options.exchanges.map((exchange) => ({ exchange, topics }));
      },
      ...(eventId && { eventId }),
      processNotification: counters,
    }),
  });
}

const texts = (byDefault: string[]) => z.array(z.string().min(1)).min(1).default(byDefault);

function timeOf({ timestamp }: Notification): bigint {
  try {
    return parseTimestamp(timestamp);
  } catch (cause) {
    throw new NephoscopeError('NOTIFICATION_FIELD', 'the timestamp of the notification is no time', { cause });
  }
}
