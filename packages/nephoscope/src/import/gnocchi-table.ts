import { NephoscopeError, formatTimestamp, parseTimestamp } from '@nephoscope/core';
import type { CounterType } from '@nephoscope/core';
import { derivedMessageId } from '@nephoscope/message';
import type { JsonValue } from '@nephoscope/message';
import { formatDecimal, parseDecimal } from '@nephoscope/statistics';

import { exactVolume } from './ceilometer-table.js';
import type { Row, Table } from './delimited.js';
import type { Entry } from './entry.js';
import { reasonOf } from './json-lines.js';
import type { ImportSettings } from './json-lines.js';
import { takeOver } from './take-over.js';

/** What the measures are of, by the columns of the table. Gnocchi's own have none of these. */
export interface GnocchiMetric {
  readonly meter?: string | undefined;
  readonly type?: string | undefined;
  readonly unit?: string | undefined;
  readonly resource_id?: string | undefined;
  readonly project_id?: string | undefined;
  readonly user_id?: string | undefined;
  readonly aggregation?: string | undefined;
}

const metricFields = ['meter', 'type', 'unit', 'resource_id', 'project_id', 'user_id', 'aggregation'] as const;
const needed = ['meter', 'type', 'resource_id', 'aggregation'] as const;

/** The aggregations of each type whose values are readings, or what readings of that type come to. */
const meaningful: Readonly<Record<CounterType, readonly string[]>> = {
  cumulative: ['first', 'last', 'min', 'max'],
  gauge: ['mean', 'median', 'first', 'last', 'min', 'max'],
  delta: ['sum'],
};

export const isGnocchiTable = ({ columns }: Table): boolean =>
  ['timestamp', 'granularity', 'value'].every((name) => columns.includes(name));

/**
 * Measures of Gnocchi: the columns `timestamp`, `granularity` and `value`, and any of a {@link GnocchiMetric}.
 *
 * @param metric what the table does not have as columns
 * @throws IMPORT_UNREADABLE if something of the metric is not known
 */
export async function* gnocchiTable(
  { columns, rows }: Table,
  placeOf: (line: number) => string,
  metric: GnocchiMetric,
  { signer }: ImportSettings,
): AsyncGenerator<Entry> {
  const missing = needed.filter((field) => metric[field] === undefined && !columns.includes(field));
  if (missing.length > 0)
    throw new NephoscopeError(
      'IMPORT_UNREADABLE',
      `measures of Gnocchi do not say what they are of: give ${missing.map((field) => `--${optionOf(field)}`).join(', ')}`,
    );
  const both = metricFields.filter((field) => metric[field] !== undefined && columns.includes(field));
  if (both.length > 0)
    throw new NephoscopeError(
      'IMPORT_UNREADABLE',
      `the table has a column ${both.join(' and ')}: leave out --${both.map(optionOf).join(' and --')}`,
    );
  const granularities = new Map<string, string>();
  for await (const { line, cells } of rows) {
    const place = placeOf(line);
    try {
      if ('problem' in cells) yield { place, problem: cells.problem };
      else {
        const fields = fieldsOf(cells, metric, granularities);
        yield { place, sample: takeOver(fields, 'gnocchi', signer), takenOver: true };
      }
    } catch (error) {
      yield { place, problem: reasonOf(error) };
    }
  }
}

function fieldsOf(
  cells: Exclude<Row['cells'], { readonly problem: string }>,
  metric: GnocchiMetric,
  granularities: Map<string, string>,
): Map<string, JsonValue> {
  const text = (field: (typeof metricFields)[number]) => cells.get(field) ?? metric[field] ?? null;
  const wanted = (field: string, value: string | null | undefined) => {
    if (value === null || value === undefined || value === '')
      throw new NephoscopeError('IMPORT_LINE', `its ${field} is missing`);
    return value;
  };
  const [meter, type, resource, aggregation] = needed.map((field) => wanted(field, text(field))) as [
    string,
    string,
    string,
    string,
  ];
  const allowed = Object.hasOwn(meaningful, type) ? meaningful[type as CounterType] : [];
  if (!allowed.includes(aggregation))
    throw new NephoscopeError(
      'IMPORT_LINE',
      `'${aggregation}' of a ${type} meter is not a reading: take over ${allowed.join(', ') || 'cumulative, gauge or delta'}`,
    );
  const granularity = normal(wanted('granularity', cells.get('granularity')));
  const series = JSON.stringify([resource, meter]);
  const first = granularities.get(series) ?? granularity;
  granularities.set(series, first);
  if (granularity !== first)
    throw new NephoscopeError(
      'IMPORT_LINE',
      `its granularity is ${granularity} s, and that of others of its metric ${first} s: take over one of them`,
    );
  const time = formatTimestamp(parseTimestamp(wanted('timestamp', cells.get('timestamp'))));
  return new Map<string, JsonValue>([
    ['message_id', derivedMessageId('gnocchi', resource, meter, aggregation, granularity, time)],
    ['counter_name', meter],
    ['counter_type', type],
    ['counter_unit', text('unit')],
    ['counter_volume', exactVolume(wanted('value', cells.get('value')))],
    ['user_id', text('user_id')],
    ['project_id', text('project_id')],
    ['resource_id', resource],
    ['timestamp', time],
    [
      'resource_metadata',
      new Map([
        ['aggregation', aggregation],
        ['granularity', granularity],
      ]),
    ],
  ]);
}

/** `300.0` is 300. @throws DECIMAL_INVALID */
function normal(number: string): string {
  return formatDecimal(parseDecimal(number));
}

function optionOf(field: string): string {
  return field.replace('_id', '');
}
