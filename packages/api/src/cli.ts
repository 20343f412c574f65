#!/usr/bin/env node
import { readFileSync } from 'node:fs';

import {
  configure,
  createLogger,
  createReader,
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

import { apiProgram, createApi } from './program.js';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

const command = new Command(apiProgram.name)
  .description("Answers questions about recorded samples over HTTP, as Ceilometer's API v1 and v2 do.")
  .version(version)
  .option('-c, --config <file>', 'YAML configuration; NEPHOSCOPE_… variables override it', defaultConfigPath)
  .addHelpText(
    'after',
    `
Listens on loopback alone, without authentication: whoever can reach it sees all samples. While the database is
away, requests are answered with 503.
Signals: SIGTERM and SIGINT end the program within 10 s. Logs are JSON lines on standard error.`,
  )
  .parse();

let logger: RootLogger | undefined;

const exitCode = await runToExit(
  async (stopped) => {
    const configured = await configure(
      apiProgram,
      await readConfig(command.opts<{ config: string }>().config, process.env),
    );
    const { config, chosen } = configured;
    logger = createLogger({ name: apiProgram.name, level: config.log.level });
    for (const warning of configured.warnings) logger.warn({}, warning);
    const settings = { logger: logger.child({ component: 'store' }), clock: systemClock, host: config.host };
    const reader = createReader(chosen['storage'], settings);
    const api = createApi({ options: config.api, reader, logger: logger.child({ component: 'api' }) });
    const oversight = oversee({
      checks: { store: () => reader.health() },
      status: config.status,
      ...{ registry: new Registry(), stopped, logger },
    });
    const components = [...oversight.components, api];
    try {
      await startAll(components, stopped, logger);
      oversight.running(`${apiProgram.name} ${version}`);
      await untilAborted(stopped);
    } finally {
      await stopAll(components, logger);
    }
  },
  () => logger,
);

endProcess(exitCode);
