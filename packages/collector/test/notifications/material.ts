import { readFileSync } from 'node:fs';

import { parseTimestamp } from '@nephoscope/core';
import type { Counter } from '@nephoscope/core';
import { PayloadReader, defineNotificationHandler } from '@nephoscope/core/notification';
import type { Notification, NotificationHandler } from '@nephoscope/core/notification';
import { FakeClock, FakeDelivery, RecordingLogger } from '@nephoscope/testing';

import { createHandlers } from '../../src/notifications/handlers.js';
import type { ActiveHandler } from '../../src/notifications/handlers.js';

export interface Capture {
  readonly exchange: string;
  readonly routing_key: string;
  readonly body: string;
}

/** A notification as a real service put it on RabbitMQ. */
export function capture(name: string): Capture {
  return JSON.parse(readFileSync(new URL(`../captures/${name}.json`, import.meta.url), 'utf8')) as Capture;
}

/** Captures that contain a token of the caller. */
export const capturesWithToken = [
  'nova.scheduler.select_destinations.start',
  'nova.scheduler.select_destinations.end',
  'nova.compute_task.build_instances',
  'nova.reboot_instance',
  'nova.detach_interface',
];

export const queue = 'nephoscope.notifications';

/** A valid notification without an envelope. */
export const volumeCreated = {
  message_id: 'b0f6e1a2-5c1f-4d0e-9a55-3a6f0a7f6c11',
  event_type: 'volume.create.end',
  publisher_id: 'volume.host@backend',
  priority: 'INFO',
  timestamp: '2026-11-22 21:48:00.103786',
  payload: { volume_id: 'volume-1', tenant_id: 'project-1', user_id: 'user-1', size: 20 } as Record<
    string,
    unknown
  >,
  _context_user_id: 'user-1',
  _context_request_id: 'req-1',
};

export const bytes = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));

export const enveloped = (value: unknown) =>
  bytes({ 'oslo.version': '2.0', 'oslo.message': typeof value === 'string' ? value : JSON.stringify(value) });

export function delivery(body: Uint8Array, routingKey = 'notifications.info'): FakeDelivery {
  return new FakeDelivery({ queue, body, routingKey, contentType: 'application/json' });
}

const meters = [
  { name: 'volume', type: 'gauge', unit: 'volume', description: 'The volume exists' },
  { name: 'volume.size', type: 'gauge', unit: 'GB', description: 'Size of the volume' },
] as const;

function counterOf(notification: Notification, meter: (typeof meters)[number], volume: number | bigint): Counter {
  const { description: _, ...fields } = meter;
  const payload = new PayloadReader(notification.payload);
  return {
    ...fields,
    volume,
    userId: payload.text('user_id'),
    projectId: payload.text('tenant_id'),
    resourceId: payload.text('volume_id'),
    timestamp: parseTimestamp(notification.timestamp),
    resourceMetadata: payload.pick(['status']),
  };
}

/** A logger whose components write into one list. */
export class RecordingRoot extends RecordingLogger {
  child(): this {
    return this;
  }
}

/** The handler of a plugin as the collector gets it. */
export function active(name: string, handler: Partial<NotificationHandler>): ActiveHandler {
  const plugin = defineNotificationHandler({
    meters,
    create: () => ({
      eventTypes: ['volume.*'],
      exchangeTopics: ({ notificationTopics }) => [
        { exchange: 'openstack', topics: notificationTopics.map((topic) => `${topic}.info`) },
      ],
      processNotification: () => [],
      ...handler,
    }),
  });
  const declared = {
    namespace: 'collector' as const,
    name,
    packageName: 'test',
    packageVersion: '1.0.0',
    packageDirectory: '/',
    export: '.',
  };
  const { handlers } = createHandlers(
    { active: [{ declared, plugin, options: {} }], inactive: [] },
    ['notifications'],
    { logger: new RecordingRoot(), clock: new FakeClock(), host: 'controller-1' },
  );
  return handlers[0]!;
}

export const volumePlugin = active('volume', {
  processNotification: (notification) => [counterOf(notification, meters[0], 1)],
});

export const volumeSizePlugin = active('volume_size', {
  processNotification: (notification) => [
    counterOf(notification, meters[1], new PayloadReader(notification.payload).amount('size')),
  ],
});
