#!/usr/bin/env node
import {
  component,
  createBus,
  oversee,
  runCommand,
  startAll,
  stopAll,
  systemClock,
  untilAborted,
} from '@nephoscope/runtime';

import { retryingStore } from './retrying-store.js';
import { collectorProgram, createCollector } from './program.js';

const help = {
  description:
    "Records signed samples from the message bus, each once, and creates samples from OpenStack's notifications.",
  notes: `Several collectors may share one queue. A message is acknowledged when its samples are committed, so whatever
a collector had not recorded when it ended is delivered again. If the broker or the store is unavailable, locked
or full, also at the start, the collector waits, and /readyz reports it (503). What only the operator can fix,
such as a wrong password, an invalid database or one of a newer version, ends the program with exit code 1.
Signals: SIGTERM and SIGINT end the collector within 10 s. Logs are JSON lines on standard error.
Check a configuration with: nephoscope config check`,
};

await runCommand(collectorProgram, help, async (started) => {
  const { configured, logger, registry, stopped, title } = started;
  const bus = createBus(started);
  const created = createCollector(configured, { bus, logger, registry });
  const { collector, notifications, retention, rollups } = created;
  const store = retryingStore(created.store, {
    clock: systemClock,
    logger: logger.child({ component: 'store' }),
  });
  const oversight = oversee({
    checks: {
      bus: () => bus.health(),
      store: () => store.health(),
      collector: () => collector.health(),
      notifications: () => notifications.health(),
    },
    status: configured.config.status,
    ...{ registry, stopped, logger },
  });
  const parts = [store, component('bus', bus), collector, notifications, rollups, retention];
  const components = [...oversight.components, ...parts];
  try {
    await startAll(components, stopped, logger);
    oversight.running(title);
    await untilAborted(stopped);
  } catch (error) {
    // Stopped while it was waiting for the store or the broker.
    if (!stopped.aborted) throw error;
  } finally {
    await stopAll(components, logger);
  }
});
