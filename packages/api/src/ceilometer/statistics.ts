import type { Sample } from '@nephoscope/core/sample-store';
import { JsonNumber, isJsonObject } from '@nephoscope/message';

import type { Asked } from './asked.js';
import { badRequest, shown, unknownArgument } from './fault.js';
import { Figures, aggregates, cardinalities, durationOf, fieldOf } from './figures.js';
import type { Cardinality } from './figures.js';
import { metadataOf } from './metadata.js';
import { countOf, groupsOf, refuseOthers, valueOf, valuesOf } from './parameters.js';
import { queryOf } from './query.js';
import type { AskedTimes } from './query.js';
import { mathsHeader } from './reply.js';
import type { Reply } from './reply.js';
import { ofMeter, queryArguments, sampleFields } from './samples.js';
import { modulo, second, timeText } from './times.js';

/** s: about three thousand years. */
const longestPeriod = 1e11;
const flavor = 'resource_metadata.instance_type';

interface Aggregate {
  readonly name: string;
  /** Also a member of its own besides `aggregate`, as when none is chosen. */
  readonly isStandard: boolean;
  value(figures: Figures): number;
}

interface Row {
  readonly figures: Figures;
  readonly unit: string | null;
  readonly group: Readonly<Record<string, string | null>>;
}

/** `/v2/meters/{meter}/statistics`, computed as samples are read: memory grows with the groups of one period. */
export function statistics(asked: Asked, meter: string): Reply {
  const { parameters, scope, reader, signal } = asked;
  refuseOthers(parameters, [...queryArguments, 'groupby', 'period', 'aggregate.func', 'aggregate.param']);
  const { filter, asked: times } = queryOf(parameters, scope, sampleFields);
  const groups = groupFields(valuesOf(parameters, 'groupby'));
  const period = countOf('period', valueOf(parameters, 'period'), longestPeriod);
  const { chosen, counted } = aggregatesOf(groupsOf(parameters, 'aggregate', ['func', 'param']));
  const wanted = ofMeter(filter, meter);
  async function* rows(): AsyncGenerator<string> {
    const length = BigInt(period) * second;
    let start: bigint | undefined;
    let open = new Map<string, Row>();
    const closed = function* () {
      for (const row of open.values())
        yield rowText(row, { start, period, times, chosen, hasGroups: groups.length > 0 });
    };
    for await (const sample of reader.samples(wanted, signal)) {
      if (period > 0) {
        start ??= filter.start ?? sample.timestamp;
        if (sample.timestamp >= start + length) {
          yield* closed();
          open = new Map();
          start = sample.timestamp - modulo(sample.timestamp - start, length);
        }
      }
      const group = Object.fromEntries(groups.map((field) => [field, groupValue(sample, field)]));
      const key = JSON.stringify([sample.unit, group]);
      let row = open.get(key);
      if (row === undefined) {
        row = { figures: new Figures(sample.timestamp, counted), unit: sample.unit, group };
        open.set(key, row);
      }
      row.figures.add(sample);
    }
    yield* closed();
  }
  return { items: rows(), headers: mathsHeader };
}

function groupValue(sample: Sample, field: string): string | null {
  if (field !== flavor) return fieldOf(sample, field as Cardinality);
  const metadata = metadataOf(sample.text);
  const value = isJsonObject(metadata) ? metadata.get('instance_type') : undefined;
  return value instanceof JsonNumber ? value.text : typeof value === 'string' ? value : null;
}

function groupFields(given: readonly string[]): readonly string[] {
  const known: readonly string[] = [...cardinalities, flavor];
  const other = given.find((field) => !known.includes(field));
  if (other !== undefined) throw unknownArgument(other, `Invalid groupby fields, valid: ${known.join(', ')}`);
  return [...new Set(given)];
}

function aggregatesOf(given: readonly Readonly<Record<string, string | undefined>>[]): {
  readonly chosen: readonly Aggregate[] | undefined;
  readonly counted: readonly Cardinality[];
} {
  if (given.length === 0) return { chosen: undefined, counted: [] };
  const chosen = new Map<string, Aggregate>();
  const counted: Cardinality[] = [];
  for (const { func = '', param } of given) {
    const name = aggregates.find((one) => one === func);
    if (name === undefined) throw badRequest(`Invalid aggregation function: ${shown(func)}`);
    if (name === 'cardinality') {
      const field = cardinalities.find((one) => one === param);
      if (field === undefined)
        throw badRequest(
          `Bad aggregate: ${func}.${shown(param ?? 'None')}: aggregate.param is one of ${cardinalities.join(', ')}`,
        );
      counted.push(field);
      const key = `${name}/${field}`;
      chosen.set(key, { name: key, isStandard: false, value: (figures) => figures.cardinality(field) });
    } else {
      if (param !== undefined)
        throw badRequest(`Bad aggregate: ${func}.${shown(param)}: only cardinality takes an aggregate.param`);
      chosen.set(name, { name, isStandard: name !== 'stddev', value: (figures) => figures[name] });
    }
  }
  return { chosen: [...chosen.values()], counted };
}

function rowText(
  { figures, unit, group }: Row,
  asked: {
    readonly start: bigint | undefined;
    readonly period: number;
    readonly times: AskedTimes;
    readonly chosen: readonly Aggregate[] | undefined;
    readonly hasGroups: boolean;
  },
): string {
  const { start, period, times, chosen, hasGroups } = asked;
  const valuesOfAll = (some: readonly Aggregate[]) =>
    Object.fromEntries(some.map((one) => [one.name, one.value(figures)]));
  const { min, max, avg, sum, count, first, last } = figures;
  const values =
    chosen === undefined
      ? { min, max, avg, sum, count }
      : { ...valuesOfAll(chosen.filter(({ isStandard }) => isStandard)), aggregate: valuesOfAll(chosen) };
  const duration = durationOf(figures, times);
  const from = start ?? first;
  return JSON.stringify({
    unit,
    ...values,
    duration: duration?.seconds ?? null,
    duration_start: duration === undefined ? null : timeText(duration.start),
    duration_end: duration === undefined ? null : timeText(duration.end),
    period,
    period_start: timeText(from),
    period_end: timeText(start === undefined ? last : start + BigInt(period) * second),
    groupby: hasGroups ? group : null,
  });
}
