import { readFileSync } from 'node:fs';

import { deadline } from '@nephoscope/async';
import { NephoscopeError } from '@nephoscope/core';
import type { MessageBus } from '@nephoscope/core/message-bus';
import { createSession, readCloud } from '@nephoscope/openstack';
import {
  component,
  configure,
  createLogger,
  createPlugin,
  defaultConfigPath,
  endProcess,
  hideInLogs,
  oversee,
  readConfig,
  runBesideBus,
  runToExit,
  startAll,
  stopAll,
  systemClock,
} from '@nephoscope/runtime';
import type { Component, RootLogger } from '@nephoscope/runtime';
import { Command } from 'commander';
import { Registry } from 'prom-client';

import { centralAgentProgram, createCentralAgent } from './program.js';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

// `--once` is for a person or a timer: a bus that cannot be reached in this time is a failure.
const timeLimit = 10_000;

const command = new Command(centralAgentProgram.name)
  .description(
    "Meters the cloud's services: queries them at intervals and sends signed samples to the message bus.",
  )
  .version(version)
  .option('-c, --config <file>', 'YAML configuration; NEPHOSCOPE_… variables override it', defaultConfigPath)
  .option(
    '--once',
    'run one cycle of all meters and exit when the bus has confirmed it, with code 1 if a pollster or the bus failed',
  )
  .addHelpText(
    'after',
    `
The cloud and the login are configured in the section openstack, in clouds.yaml or in OS_… variables.
Of several central agents on one message bus one is active, and another takes over when it ends: start any number.
An interrupted cycle is repeated, and its samples are recorded once.
With --once it reads now, without affecting the active agent: its samples are additional readings.
Signals: SIGTERM and SIGINT end the agent within 10 s. Logs are JSON lines on standard error.
Check a configuration with: nephoscope config check`,
  )
  .parse();

const { config: path, once } = command.opts<{ config: string; once?: true }>();
let logger: RootLogger | undefined;

const exitCode = await runToExit(
  async (stopped) => {
    const configured = await configure(centralAgentProgram, await readConfig(path, process.env));
    const { config, chosen } = configured;
    const log = (logger = createLogger({ name: centralAgentProgram.name, level: config.log.level }));
    for (const warning of configured.warnings) log.warn({}, warning);
    const registry = new Registry();
    const session = createSession(await readCloud(config.openstack, process.env), {
      logger: log.child({ component: 'openstack' }),
      // An outage of minutes has no effect while the cycle has time.
      timeLimit: Math.min(config.central.timeout, config.central.interval),
    });
    hideInLogs((text) => session.hide(text));
    const cloud: Component = {
      name: 'session with the cloud',
      start: () => Promise.resolve(),
      stop: () => session.close(),
    };
    const bus = createPlugin<MessageBus>(chosen['bus'], {
      logger: log.child({ component: 'bus' }),
      clock: systemClock,
      host: config.host,
    });
    const { agent, failedPlugins } = createCentralAgent(configured, { bus, session, logger: log, registry });

    const runOnce = async () => {
      const components = [cloud, component('bus', bus), agent];
      const late = new NephoscopeError('ONCE_TIMEOUT', `not ready within ${timeLimit / 1_000} s`);
      const time = deadline(systemClock, timeLimit, late, stopped);
      await startAll(components, time.signal, log).finally(time.end);
      try {
        await agent.once(stopped);
      } finally {
        await stopAll(components, log);
      }
      if (failedPlugins > 0)
        throw new NephoscopeError(
          'PLUGINS_FAILED',
          `${failedPlugins} pollsters could not be loaded: their meters are missing (see above)`,
        );
    };

    const runDaemon = async () => {
      const checks = { bus: () => bus.health(), agent: () => agent.health() };
      const oversight = oversee({ checks, status: config.status, registry, stopped, logger: log });
      await runBesideBus({
        bus,
        components: [...oversight.components, cloud, agent],
        async run() {
          oversight.running(`${centralAgentProgram.name} ${version}`);
          await agent.run();
        },
        stopped,
        logger: log,
      });
    };

    await (once === true ? runOnce() : runDaemon());
  },
  () => logger,
);

// A handle held by a plugin must not keep a stopped agent alive.
endProcess(exitCode);
