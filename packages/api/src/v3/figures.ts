import {
  calendarRange,
  formatInZone,
  functionOf,
  groupKeyOf,
  readFigures,
  roundingModes,
} from '@nephoscope/statistics';
import type { CalendarUnit, Figure, Figures, Interval, PeriodSpec, StatisticsQuery } from '@nephoscope/statistics';
import { z } from 'zod';

import { csvLine } from '../csv.js';
import { durationOf } from './durations.js';
import { admitted } from './figures-size.js';
import { invalid, readAll, shown } from './parameters.js';
import { selectionOf, selectionShape, timesShape } from './queries.js';
import { inRows, mediaTypes, route } from './route.js';
import type { Asked } from './route.js';
import { figureSchema, figuresSchema } from './schemas.js';
import type { Answer } from './send.js';
import { instantOf } from './times.js';

const calendarUnits: readonly string[] = ['hour', 'day', 'week', 'month', 'year'] satisfies CalendarUnit[];

/** The range of figures: a month, or from when to when. */
export const rangeShape = {
  month: z
    .string()
    .max(100)
    .optional()
    .describe('The range: a month (`2026-10`), year or day of `zone`, instead of `start` and `end`.'),
  ...timesShape,
};

const shape = {
  ...selectionShape,
  ...rangeShape,
  period: z
    .string()
    .max(100)
    .optional()
    .describe(
      'A figure for each `hour`, `day`, `week`, `month` or `year` of `zone`, or for each length such as `PT15M`, aligned to 1970 in UTC. Without it, one for the range.',
    ),
  group_by: z
    .array(z.string().max(1_000))
    .max(20)
    .optional()
    .describe(
      'A figure for each `project`, `user`, `resource`, `instance` or `metadata.<key>`; meter, source, type and unit are always apart. May be repeated.',
    ),
  usual: z
    .string()
    .max(100)
    .optional()
    .describe('Readings further apart than this bridge the time between them; `PT20M` by default.'),
  hold: z
    .string()
    .max(100)
    .optional()
    .describe('How long a reading of a gauge holds at most, such as `PT1H`; until the next one by default.'),
  digits: z.coerce
    .number({ error: 'it is a whole number of 0 to 100' })
    .int({ error: 'it is a whole number of 0 to 100' })
    .min(0)
    .max(100)
    .optional()
    .describe('Round to so many digits behind the point, so that parts add up to their total.'),
  rounding: z.enum(roundingModes).optional().describe('How `digits` rounds; `half-even` by default.'),
};

const usageQuery = z.object(shape);
const statisticsQuery = z.object({
  ...shape,
  function: z
    .array(z.string().max(100))
    .min(1)
    .max(20)
    .optional()
    .describe(
      'What is asked: `use` and `count` of cumulative meters, `sum` and `count` of delta ones, `amount`, `average`, `min`, `max`, `last`, `count` and percentiles such as `p95` of gauges. May be repeated. One that says nothing of a meter is refused. Without it: all that the type of the meter allows, but for `last` and percentiles.',
    ),
});

const forms = {
  reply: figuresSchema,
  row: figureSchema
    .extend({ total: z.literal(true).optional().describe('Of the whole range; not in CSV.') })
    .meta({ id: 'FigureLine' }),
  columns:
    '`start`, `end`, `partial`, `meter`, the keys that were grouped by, `source`, `type`, `function`, `value`, `unit`, `fraction`, `opening`, `apportioned`, `series`, `samples`, `epochs`, `measured_s`, `bridged_s`, `missing_s`',
};

export const getUsage = route({
  path: '/v3/usage',
  operationId: 'getUsage',
  summary: 'Use',
  description:
    'How much was used: what cumulative meters gained, the sum of deltas, the amount (value × hours) of gauges. Figures are exact and say how much of their time is known.',
  query: usageQuery,
  ...forms,
  answer: (asked, query) => figuresAnswer(asked, query, undefined),
});

export const getStatistics = route({
  path: '/v3/statistics',
  operationId: 'getStatistics',
  summary: 'Statistics',
  description: 'Any function of meters, exact, by period and group, with coverage.',
  query: statisticsQuery,
  ...forms,
  answer: (asked, query) => figuresAnswer(asked, query, query.function ?? 'every'),
});

async function figuresAnswer(
  asked: Asked,
  query: z.output<typeof usageQuery>,
  functions: readonly string[] | 'every' | undefined,
): Promise<Answer> {
  const { reader, scope, signal, format } = asked;
  const { zone, period } = query;
  const { range, ...read } = readAll({
    range: () => rangeOf(query),
    period: () => periodOf(period, zone),
    usual: () => (query.usual === undefined ? undefined : durationOf('usual', query.usual)),
    hold: () => (query.hold === undefined ? undefined : durationOf('hold', query.hold)),
    rounding: () => roundingOf(query),
  });
  // Whoever may post samples has a source of its own, and must not change figures of others.
  const groups = [...new Set(['meter', ...(query.group_by ?? []), 'source'])].map(groupKeyOf);
  const statisticsQuery: StatisticsQuery = {
    ...range,
    // One meter may be recorded in two units: its figures are two.
    groupBy: [...new Set([...groups, 'type', 'unit'] as const)],
    ...read,
    functions:
      functions === undefined || functions === 'every' ? functions : [...new Set(functions)].map(functionOf),
  };
  const admit = admitted(statisticsQuery);
  const found = await readFigures(reader, selectionOf(query, scope), statisticsQuery, signal, undefined, admit);
  const shownGroups = groups as readonly string[];
  if (format === 'json') {
    const head = { start: formatInZone(range.start, zone), end: formatInZone(range.end, zone), zone };
    return {
      type: mediaTypes.json,
      parts: figuresText({ ...head, period: period ?? null }, found, (one) => figureText(one, zone, shownGroups)),
    };
  }
  return inRows(format, {
    items: format === 'csv' ? found.figures : rowsWithTotals(found),
    head: [
      ...['start', 'end', 'partial', ...shownGroups, 'type', 'function', 'value', 'unit', 'fraction', 'opening'],
      ...['apportioned', 'series', 'samples', 'epochs', 'measured_s', 'bridged_s', 'missing_s'],
    ].map((name) => csvLine([name]).trimEnd()),
    csv: (one) => figureLine(one, zone, shownGroups),
    json: (one) => figureText(one, zone, shownGroups),
  });
}

type Row = Figure & { readonly total?: true };

function* rowsWithTotals({ figures, totals }: Figures): Generator<Row> {
  yield* figures;
  for (const figure of totals) yield { ...figure, total: true };
}

async function* figuresText(
  head: object,
  { figures, totals }: Figures,
  textOf: (figure: Figure) => string,
): AsyncGenerator<string> {
  let text = JSON.stringify(head).slice(0, -1);
  for (const [name, some] of Object.entries({ figures, totals })) {
    text += `,"${name}":[`;
    for (const [at, figure] of some.entries()) {
      text += (at === 0 ? '' : ',') + textOf(figure);
      if (text.length < 65_536) continue;
      yield await Promise.resolve(text);
      text = '';
    }
    text += ']';
  }
  yield `${text}}`;
}

/** @param groups whose values are shown; type and unit are members anyway */
export function figureText(figure: Row, zone: string, groups: readonly string[]): string {
  const { start, end, partial, group, coverage, type, ...rest } = figure;
  const gaps = coverage.gaps.map((gap) => ({
    start: formatInZone(gap.start, zone),
    end: formatInZone(gap.end, zone),
    kind: gap.kind,
    reason: gap.reason,
  }));
  return JSON.stringify({
    start: formatInZone(start, zone),
    end: formatInZone(end, zone),
    partial,
    group: Object.fromEntries(Object.entries(group).filter(([key]) => groups.includes(key))),
    type,
    ...rest,
    coverage: { ...coverage, gaps },
  });
}

function figureLine(figure: Figure, zone: string, groups: readonly string[]): string {
  const { value, unit, fraction, opening, apportioned, coverage } = figure;
  const values: Readonly<Record<string, string | null | undefined>> = figure.group;
  return csvLine([
    ...[formatInZone(figure.start, zone), formatInZone(figure.end, zone), String(figure.partial)],
    ...groups.map((key) => values[key]),
    ...[figure.type, figure.function, value, unit, fraction, opening, apportioned],
    ...[figure.series, figure.samples, figure.epochs].map(String),
    ...[coverage.measured, coverage.bridged, coverage.missing],
  ]);
}

/** @throws Problem `invalid-parameters`; RANGE_INVALID, ZONE_UNKNOWN */
export function rangeOf(query: z.output<z.ZodObject<typeof rangeShape>>): Interval {
  const { month, start, end, zone } = query;
  if (month !== undefined) {
    if (start !== undefined || end !== undefined)
      throw invalid([{ parameter: 'month', message: 'it is given instead of start and end, not beside them' }]);
    return calendarRange(month, zone);
  }
  if (start === undefined || end === undefined)
    throw invalid([
      { parameter: start === undefined ? 'start' : 'end', message: 'give month, or both start and end' },
    ]);
  return readAll({ start: () => instantOf('start', start, zone), end: () => instantOf('end', end, zone) });
}

function periodOf(text: string | undefined, zone: string): PeriodSpec | undefined {
  if (text === undefined) return undefined;
  if (calendarUnits.includes(text)) return { calendar: text as CalendarUnit, zone };
  if (!text.startsWith('P'))
    throw invalid([
      {
        parameter: 'period',
        message: `'${shown(text)}' is none of ${calendarUnits.join(', ')}, nor a length such as PT15M`,
      },
    ]);
  return { length: durationOf('period', text) };
}

function roundingOf({ digits, rounding }: z.output<typeof usageQuery>): StatisticsQuery['rounding'] {
  if (digits !== undefined) return { digits, mode: rounding ?? 'half-even' };
  if (rounding === undefined) return undefined;
  throw invalid([{ parameter: 'rounding', message: 'it needs digits: to how many behind the point' }]);
}
