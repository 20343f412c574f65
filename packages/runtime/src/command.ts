import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import type { MessageBus } from '@nephoscope/core/message-bus';
import { Command } from 'commander';
import { Registry } from 'prom-client';
import type { z } from 'zod';

import { defaultConfigPath, readConfig } from './config-file.js';
import { runToExit } from './daemon.js';
import { createLogger } from './logging.js';
import type { LogLevel, RootLogger } from './logging.js';
import { createPlugin } from './plugin-selection.js';
import { endProcess } from './process-guard.js';
import { configure } from './program.js';
import type { Configured, ProgramDefinition } from './program.js';
import { systemClock } from './system-clock.js';

/** What `--help` says about a program, beside its options. */
export interface CommandHelp {
  readonly description: string;
  /** Below the options. */
  readonly notes: string;
  /** Describes `--once`, for programs that have it. */
  readonly once?: string;
}

/** A program whose configuration is checked. */
export interface Started<Shape extends z.ZodRawShape> {
  readonly configured: Configured<Shape>;
  /** Name and version. */
  readonly title: string;
  readonly logger: RootLogger;
  readonly registry: Registry;
  /** `--once` was given. */
  readonly once: boolean;
  /** Aborted by SIGTERM and SIGINT, see {@link runToExit}. */
  readonly stopped: AbortSignal;
}

/** The sections that every program has, of which its start uses these. */
interface CommonConfig {
  readonly host: string;
  readonly log: { readonly level: LogLevel };
}

/**
 * The command line of a program: reads its options and its configuration, runs it, and ends the process with exit code
 * 0, or 1 if `run` or the configuration failed. Version and name come from the program's package.
 */
export async function runCommand<Shape extends z.ZodRawShape>(
  program: ProgramDefinition<Shape>,
  { description, notes, once }: CommandHelp,
  run: (started: Started<Shape>) => Promise<void>,
): Promise<void> {
  const { version } = JSON.parse(readFileSync(join(program.directory, 'package.json'), 'utf8')) as {
    version: string;
  };
  const command = new Command(program.name)
    .description(description)
    .version(version)
    .option('-c, --config <file>', 'YAML configuration; NEPHOSCOPE_… variables override it', defaultConfigPath);
  if (once !== undefined) command.option('--once', once);
  const given = command.addHelpText('after', `\n${notes}`).parse().opts<{ config: string; once?: true }>();

  let logger: RootLogger | undefined;
  const exitCode = await runToExit(
    async (stopped) => {
      const configured = await configure(program, await readConfig(given.config, process.env));
      const { log } = configured.config as unknown as CommonConfig;
      logger = createLogger({ name: program.name, level: log.level });
      for (const warning of configured.warnings) logger.warn({}, warning);
      const title = `${program.name} ${version}`;
      await run({
        configured,
        title,
        logger,
        registry: new Registry(),
        once: given.once === true,
        stopped,
      });
    },
    () => logger,
  );
  // A handle held by a plugin must not keep a stopped program alive.
  endProcess(exitCode);
}

/** The bus of a program's configuration. @throws as {@link createPlugin} */
export function createBus<Shape extends z.ZodRawShape>({ configured, logger }: Started<Shape>): MessageBus {
  const { host } = configured.config as unknown as CommonConfig;
  const settings = { logger: logger.child({ component: 'bus' }), clock: systemClock, host };
  return createPlugin<MessageBus>(configured.chosen['bus'], settings);
}
