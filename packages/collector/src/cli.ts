#!/usr/bin/env node
import { readFileSync } from 'node:fs';

import type { MessageBus } from '@nephoscope/core/message-bus';
import {
  component,
  configure,
  createLogger,
  createPlugin,
  defaultConfigPath,
  endProcess,
  oversee,
  readConfig,
  runToExit,
  startAll,
  stopAll,
  systemClock,
  untilAborted,
} from '@nephoscope/runtime';
import type { RootLogger } from '@nephoscope/runtime';
import { Command } from 'commander';
import { Registry } from 'prom-client';

import { retryingStore } from './retrying-store.js';
import { collectorProgram, createCollector } from './program.js';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

const command = new Command(collectorProgram.name)
  .description(
    "Records signed samples from the message bus, each once, and creates samples from OpenStack's notifications.",
  )
  .version(version)
  .option('-c, --config <file>', 'YAML configuration; NEPHOSCOPE_… variables override it', defaultConfigPath)
  .addHelpText(
    'after',
    `
Several collectors may share one queue. A message is acknowledged when its samples are committed, so whatever
a collector had not recorded when it ended is delivered again. If the broker or the store is unavailable, locked
or full, also at the start, the collector waits, and /readyz reports it (503). What only the operator can fix,
such as a wrong password, an invalid database or one of a newer version, ends the program with exit code 1.
Signals: SIGTERM and SIGINT end the collector within 10 s. Logs are JSON lines on standard error.
Check a configuration with: nephoscope config check`,
  )
  .parse();

let logger: RootLogger | undefined;

const exitCode = await runToExit(
  async (stopped) => {
    const configured = await configure(
      collectorProgram,
      await readConfig(command.opts<{ config: string }>().config, process.env),
    );
    const { config, chosen } = configured;
    logger = createLogger({ name: collectorProgram.name, level: config.log.level });
    for (const warning of configured.warnings) logger.warn({}, warning);
    const registry = new Registry();

    const bus = createPlugin<MessageBus>(chosen['bus'], {
      logger: logger.child({ component: 'bus' }),
      clock: systemClock,
      host: config.host,
    });
    const created = createCollector(configured, { bus, logger, registry });
    const { collector, notifications, retention } = created;
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
      status: config.status,
      ...{ registry, stopped, logger },
    });
    const parts = [store, component('bus', bus), collector, notifications, retention];
    const components = [...oversight.components, ...parts];
    try {
      await startAll(components, stopped, logger);
      oversight.running(`${collectorProgram.name} ${version}`);
      await untilAborted(stopped);
    } catch (error) {
      // Stopped while it was waiting for the store or the broker.
      if (!stopped.aborted) throw error;
    } finally {
      await stopAll(components, logger);
    }
  },
  () => logger,
);

// A handle held by a plugin must not keep a stopped collector alive.
endProcess(exitCode);
