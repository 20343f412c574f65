import { Command } from 'commander';

import { configOption, readConfigurationIfAny } from '../configuration.js';
import { print } from '../output.js';
import { pluginStates } from '../plugin-states.js';
import { installedPlugins } from '../program.js';
import { runCommand } from '../run.js';
import { formatTable } from '../text/table.js';

const columns = [
  { head: 'NAMESPACE' },
  { head: 'NAME' },
  { head: 'PACKAGE' },
  { head: 'VERSION' },
  { head: 'STABILITY' },
  { head: 'STATE' },
  { head: 'WHY' },
] as const;

export function pluginsCommand(): Command {
  return new Command('plugins')
    .summary('list every plugin that was found, and whether it runs')
    .description(
      'Lists every plugin that was found, with its package, how stable that is (docs/stability.md), and whether it runs with this configuration: active, inactive or failed, and why.',
    )
    .option(...configOption)
    .option('--json', 'each plugin as one line of JSON')
    .addHelpText(
      'after',
      `
A plugin is found when its package is a dependency of the deployment or of this command.
Without any configuration, the defaults decide.

Examples:
  nephoscope plugins
  nephoscope plugins --json | jq -r 'select(.state == "failed") | .reason'`,
    )
    .action(({ config, json }: { config?: string; json?: true }) =>
      runCommand(async () => {
        const states = await pluginStates(installedPlugins(), await readConfigurationIfAny(config));
        if (json === true) {
          for (const { declared, state, reason } of states) {
            const { namespace, name, packageName, packageVersion, packageDirectory, stability } = declared;
            const line = {
              ...{ namespace, name, package: packageName, version: packageVersion, stability: stability ?? null },
              ...{ directory: packageDirectory, state, reason },
            };
            await print(`${JSON.stringify(line)}\n`);
          }
        } else {
          const rows = states.map(({ declared, state, reason }) => [
            declared.namespace,
            declared.name,
            declared.packageName,
            declared.packageVersion,
            declared.stability ?? 'not stated',
            state,
            reason,
          ]);
          await print(`${formatTable(columns, rows)}\n`);
        }
      }),
    );
}
