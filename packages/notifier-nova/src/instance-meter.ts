import { defineNotificationHandler, meterStem, parseTimestamp } from '@nephoscope/core';
import type { Meter, Notification, NotificationHandler, Plugin } from '@nephoscope/core';

import { eventId } from './event-id.js';
import { unversionedType, versionedType } from './event-types.js';
import type { InstanceEventName } from './event-types.js';
import { readInstanceEvent } from './instance-event.js';
import type { InstanceEvent } from './instance-event.js';
import { instanceMeterOptions } from './options.js';
import type { InstanceMeterOptions } from './options.js';

interface InstanceMeter {
  readonly meter: Meter;
  readonly events: readonly InstanceEventName[];
  /** @throws NOTIFICATION_FIELD */
  volume(event: InstanceEvent): number | bigint;
  /** What stands after the `:` of the meter's name; with null there is nothing to count. */
  variablePart?(event: InstanceEvent): string | null;
}

/** A plugin that makes one counter of each of the events, in either form of nova's notifications. */
export function defineInstanceMeter({
  meter,
  events,
  volume,
  variablePart,
}: InstanceMeter): Plugin<'collector', InstanceMeterOptions, NotificationHandler> {
  function* processNotification(notification: Notification) {
    const event = readInstanceEvent(notification);
    const variable = variablePart === undefined ? '' : variablePart(event);
    if (variable === null) return;
    yield {
      name: variablePart === undefined ? meter.name : `${meterStem(meter.name)}${variable}`,
      type: meter.type,
      unit: meter.unit,
      volume: volume(event),
      userId: event.owner.text('user_id'),
      projectId: event.owner.text('tenant_id'),
      resourceId: event.instanceId,
      timestamp: parseTimestamp(notification.timestamp),
      resourceMetadata: event.metadata,
    };
  }

  return defineNotificationHandler({
    options: instanceMeterOptions,
    meters: [meter],
    create: ({ options: { exchange, format, versionedTopics } }) => {
      const unversioned = format !== 'versioned';
      const versioned = format !== 'unversioned';
      return {
        eventTypes: [
          ...(unversioned ? events.map(unversionedType) : []),
          ...(versioned ? events.map(versionedType) : []),
        ],
        exchangeTopics: ({ notificationTopics }) => {
          const topics = [...(unversioned ? notificationTopics : []), ...(versioned ? versionedTopics : [])];
          return [{ exchange, topics: [...new Set(topics)].map((topic) => `${topic}.info`) }];
        },
        eventId,
        processNotification,
      };
    },
  });
}
