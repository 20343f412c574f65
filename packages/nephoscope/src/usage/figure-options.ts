import { NephoscopeError, isNephoscopeError } from '@nephoscope/core';
import { calendarRange, formatInZone, functionOf, groupKeyOf, roundingModes } from '@nephoscope/statistics';
import type {
  CalendarUnit,
  FigureSelection,
  GroupKey,
  Interval,
  PeriodSpec,
  Rounding,
  RoundingMode,
  StatisticsQuery,
} from '@nephoscope/statistics';
import { Option } from 'commander';
import type { Command } from 'commander';

import { configOption } from '../configuration.js';
import { lengthOption, listOption, parseLength, parseMoment } from '../sample-query.js';
import type { FigureView } from './figure-text.js';

/** The options of the commands that show figures. */
export interface FigureOptions {
  readonly project?: readonly string[];
  readonly user?: readonly string[];
  readonly resource?: readonly string[];
  readonly source?: readonly string[];
  readonly meter?: readonly string[];
  readonly config?: string;
  readonly store?: string;
  readonly api?: string;
  readonly tokenFile?: string;
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

/** @param functions what is said of `--function` */
export function withFigureOptions(command: Command, functions: string): Command {
  return command
    .option(...configOption)
    .option('--store <url>', 'read this database instead, such as sqlite:/var/lib/nephoscope/samples.db')
    .addOption(
      new Option(
        '--api <url>',
        'ask nephoscope-api instead, such as http://127.0.0.1:8777, which shows what the token may see',
      ).conflicts(['store', 'config']),
    )
    .option('--token-file <file>', 'with --api: a file whose first line is a token')
    .option('--project <id>', 'only what this project used; may be repeated', listOption)
    .option('--user <id>', 'only what this user used; may be repeated', listOption)
    .option(
      '--resource <id>',
      'only this resource: an instance, or a disk or network card of one; may be repeated',
      listOption,
    )
    .option('--source <name>', 'only samples of this source; may be repeated', listOption)
    .addOption(
      new Option(
        '--month <month>',
        'in this month (2026-10), year or day; the current month by default',
      ).conflicts(['start', 'end']),
    )
    .option(
      '--start <time>',
      "from this time on: 2026-10-05 or 2026-10-05T14:00 in the zone, 2026-10-05T14:00:00Z, or '2h' for two hours ago",
    )
    .option('--end <time>', 'before this time; now by default')
    .option(
      '--zone <zone>',
      'the time zone of months, periods, and times without an offset from UTC: Europe/Berlin, +05:45',
      'UTC',
    )
    .option(
      '--by <list>',
      'a figure for each: hour, day, week, month, year or a length such as 15m; and project, user, resource, instance or metadata.<key>; sources are always apart',
    )
    .option('--function <list>', functions)
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
    .option('--json', 'every figure, with its gaps, as a line of JSON, and the totals after them');
}

export function selectionOf({ project, user, resource, source, meter }: FigureOptions): FigureSelection {
  return { scope: 'all', projects: project, users: user, resources: resource, sources: source, meters: meter };
}

/**
 * @throws RANGE_INVALID, TIMESTAMP_INVALID, ZONE_UNKNOWN, GROUP_UNKNOWN, FUNCTION_UNKNOWN, ROUNDING_UNKNOWN
 */
export function readOptions(
  options: Omit<FigureOptions, 'config' | 'store' | 'api' | 'tokenFile'>,
  now: bigint,
): { readonly query: StatisticsQuery; readonly view: FigureView } {
  const { zone, usual, hold } = options;
  const by = listed(options.by);
  const twice = by.find((name, at) => by.indexOf(name) < at);
  if (twice !== undefined) throw new NephoscopeError('GROUP_UNKNOWN', `--by names ${twice} twice`);
  const periods = by.flatMap((name) => periodOf(name, zone) ?? []);
  const [period] = periods;
  if (periods.length > 1)
    throw new NephoscopeError('GROUP_UNKNOWN', `--by takes one of ${units.join(', ')} or a length, not several`);
  const named = by.filter((name) => periodOf(name, zone) === undefined);
  const groups = [...new Set(['meter', ...named])].map(groupNamed);
  const functions = listed(options.function).map(functionOf);
  const query = {
    ...rangeOf(options, now),
    // One meter may be recorded in two units, or by two sources: its figures are two.
    groupBy: [...new Set([...groups, 'source', 'type', 'unit'] as const)],
    ...{ usual, hold, period },
    functions: functions.length === 0 ? undefined : functions,
    rounding: roundingOf(options.round),
  };
  const unit = period !== undefined && 'calendar' in period ? period.calendar : undefined;
  return { query, view: { zone, unit, groups } };
}

/** @throws GROUP_UNKNOWN that names the periods, too: `--by` takes both */
function groupNamed(name: string): GroupKey {
  try {
    return groupKeyOf(name);
  } catch (error) {
    if (!isNephoscopeError(error, 'GROUP_UNKNOWN')) throw error;
    throw new NephoscopeError(
      'GROUP_UNKNOWN',
      `${error.message}; and as periods ${units.join(', ')} or a length such as 15m`,
    );
  }
}

/** Undefined for what is no period. */
function periodOf(name: string, zone: string): PeriodSpec | undefined {
  if (units.includes(name)) return { calendar: name as CalendarUnit, zone };
  const length = parseLength(name);
  return length === undefined ? undefined : { length };
}

function rangeOf({ month, start, end, zone }: Omit<FigureOptions, 'by'>, now: bigint): Interval {
  if (month !== undefined) return calendarRange(month, zone);
  const moment = (text: string) =>
    /^\d{4}(-\d{2}){0,2}$/.test(text) ? calendarRange(text, zone).start : parseMoment(text, now, zone);
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
