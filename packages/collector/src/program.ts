import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { Clock } from '@nephoscope/core';
import type { MessageBus } from '@nephoscope/core/message-bus';
import type { Secret } from '@nephoscope/core/options';
import type { SampleStore } from '@nephoscope/core/sample-store';
import { createPlugin, systemClock } from '@nephoscope/runtime';
import type { Configured, ProgramDefinition, RootLogger } from '@nephoscope/runtime';
import type { Registry } from 'prom-client';

import { Collector } from './collector.js';
import { createLastReadings } from './last-reading.js';
import { createHandlers } from './notifications/handlers.js';
import { NotificationListener } from './notifications/listener.js';
import { collectorSections } from './options.js';
import { Retention } from './retention.js';
import { RollingUp } from './rolling-up.js';

/** The collector as a program: its configuration and its kinds of plugins. */
export const collectorProgram = {
  name: 'nephoscope-collector',
  directory: dirname(dirname(fileURLToPath(import.meta.url))),
  sections: collectorSections,
  chosen: { bus: 'bus', storage: 'storage' },
  selected: { notifications: { namespace: 'collector', options: 'plugins' } },
} as const satisfies ProgramDefinition<typeof collectorSections>;

/** Creates a collector from its configuration. Nothing is started yet. */
export function createCollector(
  configured: Pick<Configured<typeof collectorSections>, 'config' | 'chosen' | 'selected'>,
  around: {
    readonly bus: MessageBus;
    readonly logger: RootLogger;
    readonly registry: Registry;
    readonly clock?: Clock;
  },
): {
  readonly collector: Collector;
  readonly notifications: NotificationListener;
  readonly retention: Retention;
  readonly rollups: RollingUp;
  readonly store: SampleStore;
} {
  const { config, chosen, selected } = configured;
  const { bus, logger, registry, clock = systemClock } = around;
  const store = createPlugin<SampleStore>(chosen['storage'], {
    logger: logger.child({ component: 'store' }),
    clock,
    host: config.host,
  });
  const collector = new Collector({
    options: config.collector,
    secrets: config.secrets,
    bus,
    store,
    logger: logger.child({ component: 'collector' }),
    clock,
    registry,
  });
  const { handlers, failedPlugins } = createHandlers(selected['notifications'], config.notifications.topics, {
    logger,
    clock,
    host: config.host,
    services: config.services,
  });
  const { signatures } = config.collector;
  const notifications = new NotificationListener({
    options: config.notifications,
    source: config.source,
    host: config.host,
    secrets: config.secrets,
    // One that collectors accept.
    signature: signatures.includes('canonical') ? 'canonical' : 'ceilometer',
    bus,
    handlers,
    failedPlugins,
    observer: createLastReadings({
      bus,
      clock,
      logger: logger.child({ component: 'last reading' }),
      registry,
      secret: config.secrets[0] as Secret,
    }),
    logger: logger.child({ component: 'notifications' }),
    clock,
    registry,
  });
  const rollups = new RollingUp({ store, logger: logger.child({ component: 'rollups' }), clock, registry });
  const retention = new Retention({
    begun: rollups.begun,
    retention: config.collector.retention,
    store,
    logger: logger.child({ component: 'retention' }),
    clock,
    registry,
  });
  return { collector, notifications, retention, rollups, store };
}
