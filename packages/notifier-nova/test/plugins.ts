import type { Counter, ServiceSettings } from '@nephoscope/core';
import type { Notification, NotificationHandler } from '@nephoscope/core/notification';
import { wildcards } from '@nephoscope/core/options';
import { FakeClock, RecordingLogger } from '@nephoscope/testing';

import * as plugins from '../src/index.js';

export { plugins };
export type PluginName = keyof typeof plugins;
/** The plugins that count an instance and its flavor, at each event that may change these. */
export const pluginNames = (Object.keys(plugins) as PluginName[]).filter(
  (name) => name !== 'instanceBootingTime' && name !== 'nodeCpu',
);

export function createHandler(name: PluginName, service: ServiceSettings = {}): NotificationHandler {
  const plugin = plugins[name];
  return plugin.create({
    options: plugin.options.parse({}),
    service,
    logger: new RecordingLogger(),
    clock: new FakeClock(),
    host: 'controller-1',
  });
}

/** The counters of these plugins, of those that handle the notification's event type. */
export function allCounters(notification: Notification, service?: ServiceSettings): readonly Counter[] {
  return pluginNames
    .map((name) => createHandler(name, service))
    .filter(({ eventTypes }) => wildcards(eventTypes)(notification.eventType))
    .flatMap((handler) => [...handler.processNotification(notification)]);
}

export const volumes = (counters: readonly Counter[]) =>
  Object.fromEntries(counters.map(({ name, volume }) => [name, volume]));
