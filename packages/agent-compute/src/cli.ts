import { readFileSync } from 'node:fs';

import { deadline } from '@nephoscope/async';
import { NephoscopeError } from '@nephoscope/core';
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
  runBesideBus,
  runToExit,
  startAll,
  stopAll,
  systemClock,
} from '@nephoscope/runtime';
import type { RootLogger } from '@nephoscope/runtime';
import { Command } from 'commander';
import { Registry } from 'prom-client';

import { allowHeapFitting } from './heap.js';
import { computeAgentProgram, createComputeAgent } from './program.js';

allowHeapFitting();

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

// `--once` is for a person or a timer: what cannot be reached in this time is reported as a failure. The bus has the
// same time to confirm, after the time of the cycle.
const timeLimit = 10_000;

const command = new Command(computeAgentProgram.name)
  .description(
    'Meters the virtual machines of this host: reads them at intervals and sends signed samples to the message bus.',
  )
  .version(version)
  .option('-c, --config <file>', 'YAML configuration; NEPHOSCOPE_… variables override it', defaultConfigPath)
  .option(
    '--once',
    'run one cycle of all meters and exit when the bus has confirmed it, with code 1 if a reading, a pollster or the bus failed',
  )
  .addHelpText(
    'after',
    `
Signals: SIGTERM and SIGINT end the agent within 10 s; what the bus has not confirmed is kept in the state
directory and sent at the next start. Logs are JSON lines on standard error.
Check a configuration with: nephoscope config check`,
  )
  .parse();

const { config: path, once } = command.opts<{ config: string; once?: true }>();
let logger: RootLogger | undefined;

const exitCode = await runToExit(
  async (stopped) => {
    const configured = await configure(computeAgentProgram, await readConfig(path, process.env));
    const log = (logger = createLogger({ name: computeAgentProgram.name, level: configured.config.log.level }));
    for (const warning of configured.warnings) log.warn({}, warning);
    const registry = new Registry();
    const { config, chosen } = configured;
    const bus = createPlugin<MessageBus>(chosen['bus'], {
      logger: log.child({ component: 'bus' }),
      clock: systemClock,
      host: config.host,
    });
    const { agent, inspector, components, failedPlugins } = createComputeAgent(configured, {
      bus,
      logger: log,
      registry,
    });

    const within = async (ms: number, work: (signal: AbortSignal) => Promise<void>) => {
      const time = deadline(
        systemClock,
        ms,
        new NephoscopeError('ONCE_TIMEOUT', `not done within ${ms / 1_000} s`),
        stopped,
      );
      await work(time.signal).finally(time.end);
    };
    const runOnce = async () => {
      const all = [component('bus', bus), ...components];
      await within(timeLimit, (signal) => startAll(all, signal, log));
      try {
        await within(config.compute.timeout + timeLimit, (signal) => agent.once(signal));
      } finally {
        await stopAll(all, log);
      }
      if (failedPlugins > 0)
        throw new NephoscopeError(
          'PLUGINS_FAILED',
          `${failedPlugins} pollsters could not be loaded: their meters are missing (see above)`,
        );
    };

    const runDaemon = async () => {
      const checks = {
        bus: () => bus.health(),
        hypervisor: () => inspector.health(),
        agent: () => agent.health(),
      };
      const oversight = oversee({ checks, status: config.status, registry, stopped, logger: log });
      await runBesideBus({
        bus,
        components: [...oversight.components, ...components],
        async run() {
          oversight.running(`${computeAgentProgram.name} ${version}`);
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
