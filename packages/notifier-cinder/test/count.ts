import { wildcards } from '@nephoscope/core';
import type { Counter, Notification, NotificationHandler, Plugin } from '@nephoscope/core';
import { FakeClock, RecordingLogger } from '@nephoscope/testing';

import * as index from '../src/index.js';

type NotifierPlugin = Plugin<'collector', { exchanges: string[] }, NotificationHandler>;

export const plugins: Readonly<Record<string, NotifierPlugin>> = index;

export function handlerOf(plugin: NotifierPlugin, options: unknown = {}): NotificationHandler {
  return plugin.create({
    options: plugin.options.parse(options),
    logger: new RecordingLogger(),
    clock: new FakeClock(),
    host: 'controller-1',
  });
}

/** The counters that the plugin, or all of this package, make of a notification. */
export function count(
  notification: Notification,
  of: readonly NotifierPlugin[] = Object.values(plugins),
): Counter[] {
  return of
    .map((plugin) => handlerOf(plugin))
    .filter(({ eventTypes }) => wildcards(eventTypes)(notification.eventType))
    .flatMap((handler) => [...handler.processNotification(notification)]);
}

/** A counter in one line: name, type, volume, unit, resource, project, user. */
export function line({ name, type, volume, unit, resourceId, projectId, userId }: Counter): string {
  return `${name} ${type} ${volume} ${unit}, ${resourceId} of ${projectId} by ${userId}`;
}
