import type { Counter, Meter } from '@nephoscope/core';
import { PayloadReader, defineServiceNotifications, notificationCounter } from '@nephoscope/core/notification';
import type { Notification } from '@nephoscope/core/notification';

/** The events of an image; at `image.create` it has no data yet, and `image.activate` follows an `image.upload`. */
export const imageEvents = ['image.update', 'image.upload', 'image.delete'] as const;

const metadata = [
  'name',
  'size',
  'status',
  'disk_format',
  'container_format',
  'location',
  'deleted',
  'created_at',
  'updated_at',
  'properties',
  'protected',
  'checksum',
  'is_public',
  'deleted_at',
  'min_ram',
];

/** Defines a plugin for glance's notifications. */
export function defineGlancePlugin(plugin: {
  readonly eventTypes: readonly string[];
  readonly meters: readonly Meter[];
  readonly counters: (notification: Notification, payload: PayloadReader) => Iterable<Counter>;
}) {
  return defineServiceNotifications({
    service: 'glance',
    exchanges: ['glance'],
    // glance's `default_publisher_id` is `image.localhost`.
    publishers: ['image.*'],
    eventTypes: plugin.eventTypes,
    meters: plugin.meters,
    counters: (notification) => plugin.counters(notification, new PayloadReader(notification.payload)),
  });
}

/** A counter of the notification's image. */
export function imageCounter(
  notification: Notification,
  meter: Meter,
  payload: PayloadReader,
  volume: number | bigint,
): Counter {
  return notificationCounter(notification, meter, {
    volume,
    resourceId: payload.text('id'),
    projectId: payload.optionalText('owner'),
    userId: null,
    metadata: payload.pick(metadata),
  });
}
