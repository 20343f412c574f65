import { createPluginMetrics } from '@nephoscope/runtime';
import { Counter, Gauge } from 'prom-client';
import type { Registry } from 'prom-client';

/** What the collector tells of notifications on `/metrics`. */
export function createNotificationMetrics(registry: Registry) {
  const registers = [registry];
  return {
    plugins: createPluginMetrics(registry, 'collector'),
    received: new Counter({
      name: 'nephoscope_collector_notifications_total',
      help: 'Notifications taken off the queue',
      registers,
    }),
    unwanted: new Counter({
      name: 'nephoscope_collector_notifications_unwanted_total',
      help: 'Notifications of a type that no plugin asked for',
      registers,
    }),
    unreadable: new Counter({
      name: 'nephoscope_collector_notifications_unreadable_total',
      help: 'Notifications that went to the dead letters since they could not be read',
      registers,
    }),
    apart: new Counter({
      name: 'nephoscope_collector_notifications_apart_total',
      help: 'Notifications that wait among the dead letters since they came from elsewhere, are of another time or contradict themselves, by reason',
      labelNames: ['reason'],
      registers,
    }),
    publishFailures: new Counter({
      name: 'nephoscope_collector_notification_publish_failures_total',
      help: 'Tries at which the bus did not take samples or a dead letter of a notification',
      registers,
    }),
    gaps: new Counter({
      name: 'nephoscope_collector_notification_gaps_total',
      help: 'Times at which an exchange may have been there without our queue, by exchange: what it was told then is lost',
      labelNames: ['exchange'],
      registers,
    }),
    underWay: new Gauge({
      name: 'nephoscope_collector_notifications_under_way',
      help: 'Notifications taken off the queue and not settled yet',
      registers,
    }),
    pluginFailures: new Gauge({
      name: 'nephoscope_collector_plugin_failures',
      help: 'Notification plugins that do not run though they should',
      registers,
    }),
  };
}

export type NotificationMetrics = ReturnType<typeof createNotificationMetrics>;
