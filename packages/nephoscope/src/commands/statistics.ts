import { systemClock } from '@nephoscope/runtime';
import { Command } from 'commander';

import { runCommand } from '../run.js';
import { listOption } from '../sample-query.js';
import { readOptions, selectionOf, withFigureOptions } from '../usage/figure-options.js';
import type { FigureOptions } from '../usage/figure-options.js';
import { showFigures } from '../usage/show-figures.js';

export function statisticsCommand(): Command {
  return withFigureOptions(
    new Command('statistics')
      .summary('show statistics of a meter, by period and group')
      .description(
        'Shows what the samples of a meter come to. By default it computes every function that the type of the meter allows: use and count of cumulative ones; sum and count of deltas; amount (value × hours), average (by time), min, max and count of gauges. Each figure is exact and says how much of its time was measured, bridged between two readings and missing. docs/figures.md explains them.',
      )
      .requiredOption('--meter <name>', 'the meter; may be repeated', listOption),
    'only these: use, sum, count, amount, average, min, max, last, p95, …',
  )
    .addHelpText(
      'after',
      `
A function that means nothing for the type of a meter is refused, such as the sum of readings that are totals already.

Examples:
  nephoscope statistics --meter memory.resident --start 1d --by 15m
  nephoscope statistics --meter cpu_util --start 7d --by instance,day --function average,max,p95
  nephoscope statistics --meter vcpus --month 2026-10 --zone Europe/Berlin --by metadata.flavor.name --json`,
    )
    .action((options: FigureOptions) =>
      runCommand((signal) => {
        const { query, view } = readOptions(options, systemClock.now());
        const every = { ...query, functions: query.functions ?? 'every' } as const;
        return showFigures(options, selectionOf(options), { query: every, view }, signal);
      }),
    );
}
