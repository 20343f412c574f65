import { NephoscopeError } from '@nephoscope/core';
import { systemClock } from '@nephoscope/runtime';
import {
  calendarRange,
  formatInZone,
  functionOf,
  groupKeyOf,
  readFigures,
  roundingModes,
} from '@nephoscope/statistics';
import type {
  CalendarUnit,
  FigureSelection,
  Interval,
  Rounding,
  RoundingMode,
  StatisticsQuery,
} from '@nephoscope/statistics';
import { Command, Option } from 'commander';

import { configOption } from '../configuration.js';
import { withStore } from '../open-store.js';
import { print, printNote } from '../output.js';
import { runCommand } from '../run.js';
import { lengthOption, parseMoment } from '../sample-query.js';
import { csvHead, csvLine, figureTable, isEmpty, jsonLine } from '../usage/figure-text.js';
import type { FigureView } from '../usage/figure-text.js';

interface UsageOptions {
  readonly project?: string;
  readonly resource?: string;
  readonly meter?: string;
  readonly config?: string;
  readonly store?: string;
  readonly month?: string;
  readonly start?: string;
  readonly end?: string;
  readonly zone: string;
  readonly by?: string;
  readonly function?: string;
  readonly usual?: bigint;
  readonly hold?: bigint;
  readonly round?: string;
  readonly csv?: true;
  readonly json?: true;
}

const units: readonly string[] = ['hour', 'day', 'week', 'month', 'year'] satisfies CalendarUnit[];
const beat = 2_000;

export function usageCommand(): Command {
  return new Command('usage')
    .summary('show how much was used, exactly, and how much of it is known')
    .description(
      'Shows how much was used of each meter: what cumulative ones gained, the sum of deltas, the amount (value × hours) of gauges. Each figure is exact and says how much of its time was measured, bridged between two readings and missing. docs/figures.md explains them.',
    )
    .option(...configOption)
    .option('--store <url>', 'read this database instead, such as sqlite:/var/lib/nephoscope/samples.db')
    .option('--project <id>', 'only what this project used')
    .option('--resource <id>', 'only this resource: an instance, or a disk or network card of one')
    .option('--meter <name>', 'only this meter; all by default')
    .addOption(
      new Option(
        '--month <month>',
        'in this month (2026-10), year or day; the current month by default',
      ).conflicts(['start', 'end']),
    )
    .option(
      '--start <time>',
      "from this time on: 2026-10-05 in the zone, 2026-10-05T14:00:00Z, or '2h' for two hours ago",
    )
    .option('--end <time>', 'before this time; now by default')
    .option('--zone <zone>', 'the time zone of months and periods, such as Europe/Berlin', 'UTC')
    .option(
      '--by <list>',
      'a figure for each: hour, day, week, month or year; and project, user, resource, instance, source or metadata.<key>',
    )
    .option('--function <list>', 'instead: count, average, min, max, last, p95, …')
    .option(
      '--usual <time>',
      'readings that are further apart bridge the time between them (default: 20m)',
      lengthOption,
    )
    .option('--hold <time>', 'how long a gauge holds at most (default: until its next reading)', lengthOption)
    .option(
      '--round <digits,mode>',
      `round, so that parts add up to the total: 2,half-even (${roundingModes.join(', ')})`,
    )
    .addOption(new Option('--csv', 'every figure as a line of CSV').conflicts('json'))
    .option('--json', 'every figure, with its gaps, as a line of JSON, and the totals after them')
    .addHelpText(
      'after',
      `
Examples:
  nephoscope usage --project 0d8f… --month 2026-10 --by instance,day --zone Europe/Berlin
  nephoscope usage --meter memory --start 7d --function average,p95 --by instance
  nephoscope usage --month 2026-10 --by project --csv > october.csv`,
    )
    .action((options: UsageOptions) =>
      runCommand(async (signal) => {
        const { query, view } = readOptions(options, systemClock.now());
        await withStore(options, signal, async ({ reader }) => {
          let shown = Date.now();
          const { figures, totals } = await readFigures(
            reader,
            selectionOf(options),
            query,
            signal,
            (done, of) => {
              if (Date.now() - shown < beat) return;
              shown = Date.now();
              printNote(`Reading … ${done} of ${of} resources`);
            },
          );
          if (options.csv === true) {
            await print(csvHead(view));
            for (const figure of figures) await print(csvLine(figure, view));
          } else if (options.json === true) {
            for (const figure of figures) await print(jsonLine(figure, view, false));
            for (const figure of totals) await print(jsonLine(figure, view, true));
          } else {
            const known = figures.filter((figure) => !isEmpty(figure));
            if (known.length === 0) return printNote('Nothing was recorded of this.');
            // Without periods and groups each figure is its total.
            const below = figures.length > totals.length ? totals : [];
            await print(`${figureTable(known, below, view)}\n`);
            const left = figures.length - known.length;
            if (left > 0) printNote(`${left} more without any reading; --csv and --json have them, too.`);
          }
        });
      }),
    );
}

function selectionOf({ project, resource, meter }: UsageOptions): FigureSelection {
  const list = (value: string | undefined) => (value === undefined ? undefined : [value]);
  return { scope: 'all', projects: list(project), resources: list(resource), meters: list(meter) };
}

/**
 * @throws RANGE_INVALID, TIMESTAMP_INVALID, ZONE_UNKNOWN, GROUP_UNKNOWN, FUNCTION_UNKNOWN, ROUNDING_UNKNOWN
 */
export function readOptions(
  options: Omit<UsageOptions, 'config' | 'store'>,
  now: bigint,
): { readonly query: StatisticsQuery; readonly view: FigureView } {
  const { zone, usual, hold } = options;
  const by = listed(options.by);
  const calendar = by.filter((name) => units.includes(name)) as CalendarUnit[];
  const [unit] = calendar;
  if (calendar.length > 1)
    throw new NephoscopeError('GROUP_UNKNOWN', `--by takes one of ${units.join(', ')}, not several`);
  const groups = [...new Set(['meter', ...by.filter((name) => !units.includes(name))])].map(groupKeyOf);
  const functions = listed(options.function).map(functionOf);
  const query = {
    ...rangeOf(options, now),
    // One meter may be recorded in two units: its figures are two, which differ in theirs.
    groupBy: [...new Set([...groups, 'type', 'unit'] as const)],
    ...{ usual, hold },
    period: unit === undefined ? undefined : { calendar: unit, zone },
    functions: functions.length === 0 ? undefined : functions,
    rounding: roundingOf(options.round),
  };
  return { query, view: { zone, unit, groups } };
}

function rangeOf({ month, start, end, zone }: Omit<UsageOptions, 'by'>, now: bigint): Interval {
  if (month !== undefined) return calendarRange(month, zone);
  const moment = (text: string) =>
    /^\d{4}(-\d{2}){0,2}$/.test(text) ? calendarRange(text, zone).start : parseMoment(text, now);
  const current = () => calendarRange(formatInZone(now, zone).slice(0, 7), zone).start;
  return {
    start: start === undefined ? current() : moment(start),
    end: end === undefined ? now : moment(end),
  };
}

function roundingOf(text: string | undefined): Rounding | undefined {
  if (text === undefined) return undefined;
  const [digits = '', mode = 'half-even'] = text.split(',').map((part) => part.trim());
  if (!/^\d{1,3}$/.test(digits) || !(roundingModes as readonly string[]).includes(mode))
    throw new NephoscopeError(
      'ROUNDING_UNKNOWN',
      `--round takes a number of digits and a mode, such as 2,half-even; modes are ${roundingModes.join(', ')}`,
    );
  return { digits: Number(digits), mode: mode as RoundingMode };
}

function listed(text = ''): string[] {
  return text.split(',').flatMap((part) => (part.trim() === '' ? [] : [part.trim()]));
}
