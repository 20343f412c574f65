import { meterStem, parseTimestamp } from '@nephoscope/core';
import type { Meter, Plugin } from '@nephoscope/core';
import type { Notification, NotificationHandler } from '@nephoscope/core/notification';

import { eventId } from './event-id.js';
import { unversionedType, versionedType } from './event-types.js';
import type { InstanceEventName } from './event-types.js';
import { readInstanceEvent } from './instance-event.js';
import type { InstanceEvent } from './instance-event.js';
import { defineNovaPlugin } from './nova-plugin.js';

interface InstanceMeter {
  readonly meter: Meter;
  readonly events: readonly InstanceEventName[];
  /** @throws NOTIFICATION_FIELD */
  volume(event: InstanceEvent): number | bigint;
  /** The part of the meter's name after `:`; null if there is nothing to count. */
  variablePart?(event: InstanceEvent): string | null;
  /** The versioned form has a lower precision. */
  readonly lessExactVersioned?: boolean;
}

/** Defines a plugin that makes one counter of each of the events, in either form of nova's notifications. */
export function defineInstanceMeter({
  meter,
  events,
  volume,
  variablePart,
  lessExactVersioned,
}: InstanceMeter): Plugin<'collector', unknown, NotificationHandler> {
  function* processNotification(notification: Notification) {
    const event = readInstanceEvent(notification);
    const variable = variablePart === undefined ? '' : variablePart(event);
    if (variable === null) return;
    yield {
      name: variablePart === undefined ? meter.name : `${meterStem(meter.name)}${variable}`,
      type: meter.type,
      unit: meter.unit,
      volume: volume(event),
      userId: event.instance.text('user_id'),
      projectId: event.instance.text('tenant_id'),
      resourceId: event.instanceId,
      timestamp: parseTimestamp(notification.timestamp),
      resourceMetadata: event.metadata,
    };
  }

  return defineNovaPlugin({
    meters: [meter],
    unversionedTypes: events.map(unversionedType),
    versionedTypes: events.map(versionedType),
    lessExactVersioned,
    eventId,
    processNotification,
  });
}
