import { z } from 'zod';

import type { Counter, Metadata } from './counter.js';
import { NephoscopeError } from './errors.js';
import type { Meter } from './meter.js';
import type { Notification, NotificationHandler } from './notification.js';
import { defineNotificationHandler } from './plugin.js';
import type { Plugin } from './plugin.js';
import { refusedOption } from './retired-option.js';
import { parseTimestamp } from './timestamp.js';

/** The contents of a notification about one resource. */
export interface NotificationFigure {
  readonly volume: number | bigint;
  readonly resourceId: string;
  readonly projectId: string | null;
  readonly userId: string | null;
  /** The payload fields listed by the plugin; `event_type` and `host` are added. */
  readonly metadata: Metadata;
  /** The emitted name of a meter with a variable part: `instance:m1.small` for `instance:<flavor>`. */
  readonly name?: string;
}

/**
 * A counter of `meter` at the time of the notification. As in Ceilometer, `host` in the metadata is the publisher.
 *
 * @throws NOTIFICATION_FIELD if the notification's timestamp is invalid
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

/** What a plugin makes of the notifications of one service with the priority INFO. */
export interface ServiceNotifications {
  /**
   * The service's name in the section `services`, in which the operator may override these exchanges and publishers.
   */
  readonly service: string;
  /** Where the service publishes by default (`control_exchange`). */
  readonly exchanges: readonly string[];
  /** The service's default `publisher_id`, `*` for any text (the default). */
  readonly publishers?: readonly string[];
  readonly eventTypes: readonly string[];
  readonly meters: readonly Meter[];
  readonly eventId?: (notification: Notification) => string;
  readonly counters: (notification: Notification) => Iterable<Counter>;
}

/** Defines a notification plugin without options. */
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
