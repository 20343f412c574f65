import { groupDigits } from '../text/group-digits.js';
import { changePerSecond } from '../text/rate.js';
import { formatTable } from '../text/table.js';
import type { Series } from './recorded-series.js';

const columns = [
  { head: 'INSTANCE' },
  { head: 'METER' },
  { head: 'DEVICE' },
  { head: 'VOLUME', align: 'right' },
  { head: 'UNIT' },
  { head: 'CHANGE/S', align: 'right' },
] as const;

// The most important meters, when there is no room for all.
const foremost = [
  'cpu',
  'memory.resident',
  'memory.usage',
  'disk.read.bytes',
  'disk.write.bytes',
  'network.incoming.bytes',
  'network.outgoing.bytes',
  'cpu_util',
  'cpu.wait',
];

/** Every series, grouped by instance. */
export function seriesTable(all: readonly Series[]): string {
  return formatTable(
    columns,
    grouped(all).flatMap((group) => rowsOf(group)),
  );
}

/**
 * The same within this many lines: as many rows of each instance as fit, the most important meters first, and the
 * number of omitted ones. Names of instances are shortened to fit the width.
 */
export function fittingSeriesTable(all: readonly Series[], lines: number, width: number): string {
  const rows = fittingRows(grouped(all), Math.max(2, lines - 1));
  const table = formatTable(columns, rows);
  const excess = Math.max(...table.split('\n').map((line) => line.length)) - width;
  if (excess <= 0) return table;
  const nameWidth = Math.max(shortestName, ...rows.map(([name = '']) => name.length)) - excess;
  return formatTable(
    columns,
    rows.map(([name = '', ...rest]) => [shorten(name, Math.max(shortestName, nameWidth)), ...rest]),
  );
}

const shortestName = 12;

function shorten(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

function fittingRows(groups: readonly (readonly Series[])[], room: number): string[][] {
  if (groups.reduce((sum, group) => sum + group.length, 0) <= room)
    return groups.flatMap((group) => rowsOf(group));
  // At least one meter and a line for the others of each instance that is shown.
  const shown = groups.length * 2 <= room ? groups : groups.slice(0, Math.max(1, Math.floor((room - 1) / 2)));
  const left = groups.length - shown.length;
  const perInstance = Math.max(1, Math.floor((room - (left > 0 ? 1 : 0)) / shown.length) - 1);
  const rows = shown.flatMap((group) => {
    if (group.length <= perInstance + 1) return rowsOf(group);
    const first = [...group].sort((a, b) => rank(a) - rank(b)).slice(0, perInstance);
    return [
      ...rowsOf(group.filter((one) => first.includes(one))),
      ['', `… and ${group.length - perInstance} more`, '', '', '', ''],
    ];
  });
  if (left > 0) rows.push(['', `… and ${left} more instances`, '', '', '', '']);
  return rows.slice(0, room);
}

function grouped(all: readonly Series[]): readonly (readonly Series[])[] {
  const groups = new Map<string, Series[]>();
  for (const series of all) {
    const group = groups.get(series.owner.instanceId);
    if (group === undefined) groups.set(series.owner.instanceId, [series]);
    else group.push(series);
  }
  const inOrder = [...groups.values()].sort(([a], [b]) => compare(nameOf(a), nameOf(b)));
  for (const group of inOrder)
    group.sort((a, b) => compare(a.latest.meter, b.latest.meter) || compare(a.owner.device, b.owner.device));
  return inOrder;
}

function nameOf(series: Series | undefined): string {
  return series === undefined ? '' : `${series.owner.instanceName} ${series.owner.instanceId}`;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function rank({ latest }: Series): number {
  const at = foremost.indexOf(latest.meter);
  return at < 0 ? foremost.length : at;
}

function rowsOf(group: readonly Series[]): string[][] {
  return group.map((series, index) => {
    const { latest, owner } = series;
    return [
      index === 0 ? owner.instanceName : '',
      latest.meter,
      owner.device,
      groupDigits(latest.volume),
      latest.unit ?? '',
      change(series),
    ];
  });
}

/** Only cumulative meters have a change per second, and only within one epoch. */
function change({ latest, previous }: Series): string {
  if (latest.type !== 'cumulative' || previous === undefined) return '';
  return latest.epoch === previous.epoch ? (changePerSecond(previous, latest) ?? '') : 'restarted';
}
