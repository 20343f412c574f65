import { z } from 'zod';

import type { Counter, Metadata } from './counter.js';
import { NephoscopeError } from './errors.js';
import type { Meter } from './meter.js';
import type { Notification, NotificationHandler } from './notification.js';
import { defineNotificationHandler } from './plugin.js';
import type { Plugin } from './plugin.js';
import { refusedOption } from './retired-option.js';
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
  /** As the operator names it in the section `services`, where others than these exchanges and publishers may be given. */
  readonly service: string;
  /** Where the service publishes by default (`control_exchange`). */
  readonly exchanges: readonly string[];
  /** What the service writes as `publisher_id` by default, `*` for any text (the default). */
  readonly publishers?: readonly string[];
  readonly eventTypes: readonly string[];
  readonly meters: readonly Meter[];
  readonly eventId?: (notification: Notification) => string;
  readonly counters: (notification: Notification) => Iterable<Counter>;
}

/** A plugin without options of its own. */
export function defineServiceNotifications({
  service,
  exchanges,
  publishers = ['*'],
  eventTypes,
  meters,
  eventId,
  counters,
}: ServiceNotifications): Plugin<'collector', unknown, NotificationHandler> {
  return defineNotificationHandler<unknown>({
    service,
    options: z.strictObject({
      exchanges: refusedOption(`is set once for all plugins: write services.${service}.exchange`),
      publishers: refusedOption(`is set once for all plugins: write services.${service}.publishers`),
    }),
    meters,
    create: ({ service: given = {} }) => ({
      eventTypes,
      publishers: given.publishers ?? publishers,
      exchangeTopics: ({ notificationTopics }) => {
        const topics = (given.topics ?? notificationTopics).map((topic) => `${topic}.info`);
        return (given.exchange ?? exchanges).map((exchange) => ({ exchange, topics }));
      },
      ...(eventId && { eventId }),
      processNotification: counters,
    }),
  });
}

function timeOf({ timestamp }: Notification): bigint {
  try {
    return parseTimestamp(timestamp);
  } catch (cause) {
    throw new NephoscopeError('NOTIFICATION_FIELD', 'the timestamp of the notification is not a time', { cause });
  }
}
