import { Command } from 'commander';

import { withStore } from '../open-store.js';
import { print, printNote } from '../output.js';
import { withSignsOfLife } from '../progress.js';
import { runCommand } from '../run.js';
import { filterOf, withQueryOptions } from '../sample-query.js';
import type { QueryOptions } from '../sample-query.js';
import { groupDigits } from '../text/group-digits.js';
import { formatTable } from '../text/table.js';

const columns = [
  { head: 'METER' },
  { head: 'TYPE' },
  { head: 'UNIT' },
  { head: 'RESOURCES', align: 'right' },
  { head: 'SAMPLES', align: 'right' },
] as const;

export function metersCommand(): Command {
  return withQueryOptions(new Command('meters'), 'at most this many')
    .summary('list the meters of which samples were recorded')
    .description(
      'Lists the meters of which samples were recorded, with the number of resources and samples of each.',
    )
    .option('--json', 'each meter as one line of JSON')
    .addHelpText(
      'after',
      `
Examples:
  nephoscope meters
  nephoscope meters --project 0d8f… --start 24h --json`,
    )
    .action((options: QueryOptions & { json?: true }) =>
      runCommand((signal) =>
        withStore(options, signal, async ({ reader }) => {
          const found = await withSignsOfLife(
            (seconds) => `Counting … ${seconds} s`,
            reader.meters(filterOf(options), signal),
          );
          const meters = found.slice(0, options.limit);
          if (options.json === true) {
            for (const { name, type, unit, resources, samples } of meters)
              await print(`${JSON.stringify({ name, type, unit, resources, samples })}\n`);
          } else if (meters.length === 0) {
            printNote('No samples match.');
          } else {
            const rows = meters.map(({ name, type, unit, resources, samples }) => [
              name,
              type,
              unit ?? '',
              groupDigits(String(resources)),
              groupDigits(String(samples)),
            ]);
            await print(`${formatTable(columns, rows)}\n`);
          }
        }),
      ),
    );
}
