#!/usr/bin/env node
import { readFileSync } from 'node:fs';

import { NephoscopeError } from '@nephoscope/core';
import type { MessageBus } from '@nephoscope/core';
import { component, configure, createLogger, createPlugin, createStatusServer, defaultConfigPath, readConfig, runToExit, startAll, stopAll, systemClock, untilAborted } from '@nephoscope/runtime';
import type { RootLogger } from '@nephoscope/runtime';
import { Command } from 'commander';
import { Registry, collectDefaultMetrics } from 'prom-client';

import { computeAgentProgram, createComputeAgent } from './program.js';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };

// `--once` is for a person or a timer who waits: what cannot be reached in this time is said and is a failure.
const onceDeadline = 30_000;

const command = new Command(computeAgentProgram.name)
  .description('Meters the virtual machines of this host: reads them at intervals and sends signed samples to the message bus.')
  .version(version)
  .option('-c, --config <file>', 'YAML configuration; NEPHOSCOPE_… variables are laid over it', defaultConfigPath)
  .option('--once', 'one cycle of all meters: exits when the bus has confirmed it, with code 1 when something is missing')
  .addHelpText('after', `
Signals: SIGTERM and SIGINT end the agent within 10 s; what the bus has not confirmed is kept in the state
directory and sent at the next start. Logs are JSON lines on standard error.
Check a configuration with: nephoscope config check`)
  .parse();

const { config: path, once } = command.opts<{ config: string; once?: true }>();
let logger: RootLogger | undefined;

process.exitCode = await runToExit(async (stopped) => {
  const configured = await configure(computeAgentProgram, await readConfig(path, process.env));
  const { config, chosen } = configured;
  logger = createLogger({ name: computeAgentProgram.name, level: config.log.level });
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });

  const bus = createPlugin<MessageBus>(chosen['bus'], { logger: logger.child({ component: 'bus' }), clock: systemClock, host: config.host });
  const { agent, inspector, failedPlugins } = createComputeAgent(configured, { bus, logger, registry });
  const status = createStatusServer({
    ...config.status,
    checks: { bus: () => bus.health(), hypervisor: () => inspector.health(), agent: () => agent.health() },
    registry,
  });

  if (once === true) {
    const signal = AbortSignal.any([stopped, AbortSignal.timeout(onceDeadline)]);
    const components = [component('bus', bus), component('inspector', inspector), agent];
    await startAll(components, signal, logger);
    try {
      await agent.once(signal);
    } finally {
      await stopAll(components, logger);
    }
    if (failedPlugins > 0) throw new NephoscopeError('PLUGINS_FAILED', `${failedPlugins} pollsters could not be loaded: their meters are missing (see above)`);
    return;
  }

  // The agent works while the bus is away, so the bus's start is not awaited; its end is.
  const background = new AbortController();
  const busStarted = bus.start(AbortSignal.any([stopped, background.signal]));
  const components = [status, component('inspector', inspector), agent];
  try {
    await startAll(components, stopped, logger);
    logger.info({ status: status.url }, `${computeAgentProgram.name} ${version} is running`);
    await Promise.race([agent.run(), untilAborted(stopped), busStarted.then(() => untilAborted(stopped))]);
  } finally {
    await stopAll([component('bus', bus), ...components], logger);
    background.abort();
  }
}, () => logger);
