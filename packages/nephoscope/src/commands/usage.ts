import { systemClock } from '@nephoscope/runtime';
import { Command } from 'commander';

import { runCommand } from '../run.js';
import { listOption } from '../sample-query.js';
import { readOptions, selectionOf, withFigureOptions } from '../usage/figure-options.js';
import type { FigureOptions } from '../usage/figure-options.js';
import { showFigures } from '../usage/show-figures.js';

export function usageCommand(): Command {
  return withFigureOptions(
    new Command('usage')
      .summary('show how much was used, exactly, and how much of it is known')
      .description(
        'Shows how much was used of each meter: what cumulative ones gained, the sum of deltas, the amount (value × hours) of gauges. Each figure is exact and says how much of its time was measured, bridged between two readings and missing. docs/figures.md explains them.',
      )
      .option('--meter <name>', 'only this meter; may be repeated; all by default', listOption),
    'instead: count, average, min, max, last, p95, …',
  )
    .addHelpText(
      'after',
      `
Examples:
  nephoscope usage --project 0d8f… --month 2026-10 --by instance,day --zone Europe/Berlin
  nephoscope usage --meter memory --start 7d --function average,p95 --by instance
  nephoscope usage --month 2026-10 --by project --csv > october.csv`,
    )
    .action((options: FigureOptions) =>
      runCommand((signal) =>
        showFigures(options, selectionOf(options), readOptions(options, systemClock.now()), signal),
      ),
    );
}
