import { formatInZone, parseDecimal } from '@nephoscope/statistics';
import type { CalendarUnit, Coverage, Figure, GroupKey } from '@nephoscope/statistics';

import { csvLine } from '@nephoscope/api/rows';
import { groupDigits } from '../text/group-digits.js';
import { formatTable } from '../text/table.js';

/** How figures are shown. */
export interface FigureView {
  readonly zone: string;
  readonly unit: CalendarUnit | undefined;
  /** Those asked for, and the meter. */
  readonly groups: readonly GroupKey[];
}

/** Figures of different sources are different ones, whatever they are grouped by. */
const withSource = (groups: readonly GroupKey[]): readonly GroupKey[] => [
  ...new Set([...groups, 'source'] as const),
];

/** Nothing was recorded that it could be made of. */
export function isEmpty({ value, samples, opening }: Figure): boolean {
  return value === null && samples === 0 && opening === null;
}

/** Figures, and below them their totals; with the source if there is more than one. */
export function figureTable(figures: readonly Figure[], totals: readonly Figure[], view: FigureView): string {
  const sources = new Set([...figures, ...totals].map(({ group }) => group.source));
  const groups = sources.size > 1 ? withSource(view.groups) : view.groups;
  const columns = [
    { head: view.unit === undefined ? 'FROM' : view.unit.toUpperCase() },
    ...groups.map((key) => ({ head: key.toUpperCase() })),
    { head: 'FUNCTION' },
    { head: 'VALUE', align: 'right' as const },
    { head: 'UNIT' },
    { head: 'MEASURED', align: 'right' as const },
    { head: 'BRIDGED', align: 'right' as const },
    { head: 'MISSING', align: 'right' as const },
    { head: 'NOTES' },
  ];
  const row = (figure: Figure, period: string) => [
    period,
    ...groups.map((key) => figure.group[key] ?? ''),
    figure.function,
    figure.value === null ? 'missing' : shortened(figure),
    figure.unit ?? '',
    ...shares(figure.coverage),
    notesOf(figure),
  ];
  const rows = figures.map((figure) => row(figure, periodText(figure, view)));
  return formatTable(columns, [...rows, ...totals.map((figure) => row(figure, 'total'))]);
}

export function csvHead({ groups }: FigureView): string {
  const numbers = ['value', 'unit', 'fraction', 'opening', 'apportioned', 'series', 'samples', 'epochs'];
  const coverage = ['measured_s', 'bridged_s', 'missing_s'];
  return csvLine(['start', 'end', 'partial', ...withSource(groups), 'type', 'function', ...numbers, ...coverage]);
}

export function csvRow(figure: Figure, { zone, groups }: FigureView): string {
  const { value, unit, fraction, opening, apportioned, coverage } = figure;
  return csvLine([
    ...[formatInZone(figure.start, zone), formatInZone(figure.end, zone), String(figure.partial)],
    ...withSource(groups).map((key) => figure.group[key]),
    ...[figure.type, figure.function, value, unit, fraction, opening, apportioned],
    ...[figure.series, figure.samples, figure.epochs].map(String),
    ...[coverage.measured, coverage.bridged, coverage.missing],
  ]);
}

/** One line; numbers that may have any number of digits are texts. */
export function jsonLine(figure: Figure, { zone, groups }: FigureView, total: boolean): string {
  const time = (at: bigint) => formatInZone(at, zone);
  const { start, end, coverage, ...rest } = figure;
  const shown: readonly string[] = withSource(groups);
  const group = Object.fromEntries(Object.entries(figure.group).filter(([key]) => shown.includes(key)));
  const gaps = coverage.gaps.map((gap) => ({ ...gap, start: time(gap.start), end: time(gap.end) }));
  const line = { ...(total ? { total } : {}), start: time(start), end: time(end), ...rest, group };
  return `${JSON.stringify({ ...line, coverage: { ...coverage, gaps } })}\n`;
}

/** What the beginning is called among periods of its kind. */
function periodText({ start }: Figure, { unit, zone }: FigureView): string {
  const text = formatInZone(start, zone);
  switch (unit) {
    case 'year':
      return text.slice(0, 4);
    case 'month':
      return text.slice(0, 7);
    case 'week':
    case 'day':
      return text.slice(0, 10);
    case 'hour':
    case undefined:
      return text;
  }
}

const shownDigits = 6;

/** The table shows six digits of a fraction, and says when there are more. */
function shortened({ value }: Figure): string {
  const [whole = '', behind = ''] = (value ?? '').split('.');
  const cut = behind.length > shownDigits ? `${behind.slice(0, shownDigits)}…` : behind;
  return `${groupDigits(whole)}${cut === '' ? '' : `.${cut}`}`;
}

/** Tenths of a percent, rounded down, so that 100 % is all of it; nothing for none. */
function shares({ measured, bridged, missing }: Coverage): string[] {
  const seconds = [measured, bridged, missing].map((text) => {
    const { digits, scale } = parseDecimal(text);
    return digits * 10n ** BigInt(9 - scale);
  });
  const whole = seconds.reduce((sum, one) => sum + one);
  return seconds.map((one) => {
    const tenths = (one * 1_000n) / whole;
    if (one === 0n) return '';
    return tenths === 0n ? '<0.1 %' : `${tenths / 10n}${tenths % 10n === 0n ? '' : `.${tenths % 10n}`} %`;
  });
}

function notesOf({ partial, opening, apportioned }: Figure): string {
  return [
    ...(partial ? ['partial'] : []),
    ...(opening === null || opening === '0' ? [] : [`opening ${groupDigits(opening)}`]),
    ...(apportioned === '0' ? [] : [`${groupDigits(apportioned)} apportioned`]),
  ].join(', ');
}
