import { NephoscopeError } from '@nephoscope/core';
import { ConfigInvalid, configure, defaultConfigPath } from '@nephoscope/runtime';
import { Command } from 'commander';
import { stringify } from 'yaml';

import { configSchema } from '../config-schema.js';
import { configOption, readConfiguration } from '../configuration.js';
import { effectiveConfig } from '../effective-config.js';
import { print, printNote } from '../output.js';
import { installedPlugins, wholeProgram } from '../program.js';
import { runCommand } from '../run.js';

export function configCommand(): Command {
  return new Command('config')
    .summary('check and show the configuration')
    .description(
      `Checks and shows the configuration of all programs of a host: one YAML file, ${defaultConfigPath} by default, and NEPHOSCOPE_… variables laid over it.`,
    )
    .addCommand(checkCommand())
    .addCommand(printCommand())
    .addCommand(schemaCommand());
}

function checkCommand(): Command {
  return new Command('check')
    .summary('say what is wrong with it')
    .description(
      'Checks the sections of all programs and the options of all plugins, and lists every mistake with its path and place. Exits with code 1 when there are any.',
    )
    .option(...configOption)
    .addHelpText(
      'after',
      `
Examples:
  nephoscope config check
  nephoscope config check --config new.yaml && mv new.yaml ${defaultConfigPath}`,
    )
    .action(({ config }: { config?: string }) =>
      runCommand(async () => {
        const raw = await readConfiguration(config);
        const configured = await configure(wholeProgram, raw, installedPlugins()).catch((error: unknown) => {
          throw error instanceof ConfigInvalid ? printProblems(error) : error;
        });
        const { selected, warnings } = configured;
        const failures = Object.values(selected).flatMap(({ inactive }) =>
          inactive.filter(({ failure }) => failure !== undefined),
        );
        for (const warning of [...warnings, ...failures.map(({ reason }) => reason)])
          printNote(`warning: ${warning}`);
        if (raw.values['storage'] === undefined)
          printNote(`there is no section storage: ${defaultStore(effectiveConfig(raw, configured))}`);
        await print('The configuration is valid.\n');
      }),
    );
}

function defaultStore({ storage }: Record<string, unknown>): string {
  const { type, url } = storage as { readonly type: string; readonly url?: unknown };
  return `the collector uses the store '${type}'${url === undefined ? '' : ` with ${String(url)}`}, the default`;
}

/** An error includes as many mistakes as fit; if there are more, all are printed before it. */
function printProblems(error: ConfigInvalid): NephoscopeError {
  if (error.lines.every((line) => error.message.includes(line))) return error;
  for (const line of error.lines) printNote(line);
  return new NephoscopeError('CONFIG_INVALID', `the configuration has these ${error.lines.length} mistakes`);
}

function printCommand(): Command {
  return new Command('print')
    .summary('print it with all defaults')
    .description(
      'Prints the configuration as it takes effect: the file, NEPHOSCOPE_… variables over it, and the defaults of programs and plugins. Secrets and passwords are not printed.',
    )
    .option(...configOption)
    .addHelpText(
      'after',
      `
Example:
  nephoscope config print | less`,
    )
    .action(({ config }: { config?: string }) =>
      runCommand(async () => {
        const raw = await readConfiguration(config);
        await print(
          stringify(effectiveConfig(raw, await configure(wholeProgram, raw, installedPlugins())), {
            lineWidth: 0,
          }),
        );
      }),
    );
}

function schemaCommand(): Command {
  return new Command('schema')
    .summary('print its JSON Schema')
    .description(
      'Prints a JSON Schema of the configuration, with the options of every installed plugin, for editors.',
    )
    .addHelpText(
      'after',
      `
Example:
  nephoscope config schema > nephoscope.schema.json
and as the first line of the configuration, for editors with the YAML language server:
  # yaml-language-server: $schema=nephoscope.schema.json`,
    )
    .action(() =>
      runCommand(async () => {
        const schema = await configSchema(installedPlugins(), (_, reason) => printNote(`warning: ${reason}`));
        await print(`${JSON.stringify(schema, null, 2)}\n`);
      }),
    );
}
