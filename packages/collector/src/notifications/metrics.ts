import { createPluginMetrics } from '@nephoscope/runtime';
import { Counter, Gauge } from 'prom-client';
import type { Registry } from 'prom-client';

/** The collector's metrics of notifications on `/metrics`. */
export function createNotificationMetrics(registry: Registry) {
  const registers = [registry];
  return {
    plugins: createPluginMetrics(registry, 'collector'),
    received: new Counter({
      name: 'nephoscope_collector_notifications_total',
      help: 'Notifications received from the queue',
      registers,
    }),
    unwanted: new Counter({
      name: 'nephoscope_collector_notifications_unwanted_total',
      help: 'Notifications of a type that no plugin wants',
      registers,
    }),
    unreadable: new Counter({
      name: 'nephoscope_collector_notifications_unreadable_total',
      help: 'Notifications that went to the dead letters because they could not be read',
      registers,
    }),
    quarantined: new Counter({
      name: 'nephoscope_collector_notifications_quarantined_total',
      help: 'Notifications that went to the dead letters because of their origin or time, or because they contradict themselves, by reason',
      labelNames: ['reason'],
      registers,
    }),
    publishFailures: new Counter({
      name: 'nephoscope_collector_notification_publish_failures_total',
      help: 'Attempts at which the bus did not accept samples or a dead letter of a notification',
      registers,
    }),
    unbound: new Counter({
      name: 'nephoscope_collector_notifications_unbound_total',
      help: 'Times when an exchange may have existed without our queue, by exchange: notifications published then are lost',
      labelNames: ['exchange'],
      registers,
    }),
    underWay: new Gauge({
      name: 'nephoscope_collector_notifications_under_way',
      help: 'Notifications received from the queue and not settled yet',
      registers,
    }),
    pluginFailures: new Gauge({
      name: 'nephoscope_collector_plugin_failures',
      help: 'Notification plugins that should run but do not',
      registers,
    }),
  };
}

export type NotificationMetrics = ReturnType<typeof createNotificationMetrics>;
