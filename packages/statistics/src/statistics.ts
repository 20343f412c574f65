import { NephoscopeError } from '@nephoscope/core';
import type { CounterType } from '@nephoscope/core';
import type { RolledSpan, Sample, SeriesKey } from '@nephoscope/core/sample-store';

import type { Rules } from './between.js';
import { Cell } from './cell.js';
import { figuresOf, totalKey } from './figure.js';
import type { Figure, FigureSource } from './figure.js';
import { checkFunction, everyFunction, isCounterType, isPercentile, usualFunction } from './functions.js';
import type { FigureFunction } from './functions.js';
import { grouping } from './groups.js';
import type { GroupKey, MetadataValueOf } from './groups.js';
import { periodAt, periodsOf } from './periods.js';
import type { Period, PeriodSpec } from './periods.js';
import type { Rounding } from './rounding.js';
import { isAsRolled, usualDistance } from './rolled-rules.js';
import { Series } from './series.js';
import type { Cells } from './series.js';
import type { SpanState } from './span-state.js';
import { volumeOf } from './volume.js';

/** Times in ns since 1970 UTC, lengths in ns. */
export interface StatisticsQuery {
  readonly start: bigint;
  /** Excluded. */
  readonly end: bigint;
  /** One figure for the whole range by default. */
  readonly period?: PeriodSpec | undefined;
  readonly groupBy?: readonly GroupKey[] | undefined;
  /**
   * By default the use of a cumulative meter, the sum of a delta, and the amount of a gauge; `every`: all functions that the type
   * permits, except percentiles and `last`.
   */
  readonly functions?: readonly FigureFunction[] | 'every' | undefined;
  /** The time between readings that are further apart is bridged; 20 minutes by default. */
  readonly usual?: bigint | undefined;
  /** The maximum time that a gauge's reading holds; by default until the next one, and the last one not at all. */
  readonly hold?: bigint | undefined;
  readonly rounding?: Rounding | undefined;
  /** Which samples the figures include. The others are still needed, because their use must not be attributed to the next included one. */
  readonly of?: ((sample: Sample) => boolean) | undefined;
  /** Required to group by metadata or instance. */
  readonly metadata?: MetadataValueOf | undefined;
}

export interface Figures {
  /** By group and period. */
  readonly figures: readonly Figure[];
  /** Of the whole range, one for each function, type, unit and source, and for each meter if grouped by meter. Their group has the source. */
  readonly totals: readonly Figure[];
}

/** What a figure is of. Those that differ in type, unit or source are never added up. */
interface Kind {
  readonly meter: string;
  readonly type: CounterType;
  readonly unit: string | null;
  readonly source: string;
}

interface SeriesEntry extends Kind {
  readonly series: Series;
  readonly rules: Rules;
  /** By what spans call them; null for those that are not requested. */
  readonly groups: Map<string, string | null>;
  /** The group of its latest sample, because the next one nearly always has the same. */
  group: { readonly texts: readonly (string | null)[]; readonly key: string } | undefined;
}

/** All cells of one group. */
interface Group extends Kind {
  /** The same for all cells that one figure would combine. */
  readonly figure: string;
  readonly values: Figure['group'];
  readonly whole: Cell;
  readonly periods: Map<number, Cell>;
}

/**
 * Computes figures from samples in one pass. The samples of each series (a meter of a resource from one source) must be added in the
 * order of time, from the first one ever to the first one after the range; series may be interleaved. Memory grows with the series,
 * groups, periods and gaps, and not with the samples.
 */
export class Statistics {
  readonly #query: StatisticsQuery;
  readonly #periods: readonly Period[];
  readonly #valuesOf: (sample: Sample) => (string | null)[];
  /** By resource, because each resource has few. */
  readonly #series = new Map<string, SeriesEntry[]>();
  /** The series that have no sample after the range yet. */
  readonly #open = new Set<Series>();
  /** When the last of them had its first sample after the range. */
  #ended: bigint | undefined;
  /** The period that the latest span fitted in. */
  #near: Period | undefined;
  readonly #groups = new Map<string, Group>();
  /** Groups with samples in the range, by `figure`. */
  readonly #inRange = new Map<string, Group>();
  readonly #cells: Cells = {
    at: (period, key) => {
      const { periods } = this.#group(key);
      let cell = periods.get(period);
      if (cell === undefined) periods.set(period, (cell = this.#cell()));
      return cell;
    },
    whole: (key) => {
      const group = this.#group(key);
      const other = this.#inRange.get(group.figure) ?? group;
      if (other !== group) throw mixed(other, group);
      if (!this.#inRange.has(group.figure)) {
        for (const name of this.#named) checkFunction(name, group.type, group.meter);
        this.#inRange.set(group.figure, group);
      }
      return group.whole;
    },
  };

  /** @throws RANGE_INVALID, ZONE_UNKNOWN, PERIODS_TOO_MANY */
  constructor(query: StatisticsQuery) {
    this.#query = query;
    this.#periods = periodsOf(query, query.period);
    this.#valuesOf = grouping(query.groupBy ?? [], query.metadata ?? noMetadata);
  }

  /**
   * @throws FIGURE_MIXED if a figure would add different types, units or sources, FUNCTION_REFUSED, READINGS_UNORDERED,
   *   VOLUME_INVALID, TYPE_UNKNOWN
   */
  add(sample: Sample): void {
    const { of, end } = this.#query;
    const entry = this.#entryOf(sample);
    const isAsked = of === undefined || of(sample);
    const volume = volumeOf(sample, isAsked);
    if (sample.timestamp < end) this.#open.add(entry.series);
    else if (this.#open.delete(entry.series)) this.#ended = sample.timestamp;
    entry.series.add({
      at: sample.timestamp,
      volume,
      epoch: sample.epoch,
      group: isAsked ? this.#keyOf(sample, entry) : null,
      id: sample.messageId,
    });
  }

  /**
   * Adds what is rolled up of times for which {@link fits} holds, in place of their samples, in the order of time.
   *
   * @param groupOf what a group of the spans stands for
   * @throws as {@link add}
   */
  addSpans(series: SeriesKey, states: readonly SpanState[], groupOf: RolledSpan['groupOf']): void {
    const { of, end } = this.#query;
    const entry = this.#entryOf(series);
    const { groups } = entry;
    const keyOf = (name: string) => {
      let group = groups.get(name);
      if (group === undefined) {
        const sample = likeSample(series, groupOf(name));
        groups.set(name, (group = of === undefined || of(sample) ? this.#keyOf(sample, entry) : null));
      }
      return group;
    };
    for (const state of states) entry.series.append(state, keyOf);
    const last = states.at(-1)?.last;
    if (last === undefined) return;
    if (last.at < end) this.#open.add(entry.series);
    else if (this.#open.delete(entry.series)) this.#ended = last.at;
  }

  /** Whether a rolled-up span of this time, with readings up to `widest` ns apart, says what its samples would. */
  fits(start: bigint, end: bigint, widest: bigint): boolean {
    const { usual = usualDistance, hold } = this.#query;
    if (!isAsRolled(widest, { usual, hold })) return false;
    // Nearly always within the one of the time that was asked for before.
    const near = this.#near;
    if (near !== undefined && start >= near.start && end <= near.end) return true;
    const period = periodAt(this.#periods, start);
    if (period !== periodAt(this.#periods, end - 1n)) return false;
    this.#near = this.#periods[period];
    return true;
  }

  #entryOf(key: SeriesKey): SeriesEntry {
    const { source, resourceId, meter, type, unit } = key;
    let entries = this.#series.get(resourceId);
    if (entries === undefined) this.#series.set(resourceId, (entries = []));
    const found = entries.find(
      (one) => one.meter === meter && one.type === type && one.unit === unit && one.source === source,
    );
    if (found !== undefined) return found;
    const kind = kindOf(key);
    const name = JSON.stringify([source, resourceId, meter, type, unit]);
    const rules = this.#rules(kind.type);
    const series = new Series(name, rules, this.#periods, this.#cells);
    const groups = new Map<string, string | null>();
    const entry = { ...kind, series, rules, groups, group: undefined };
    entries.push(entry);
    return entry;
  }

  /** Whether a sample with this time, later than all others, may still affect the range. */
  needs(time: bigint): boolean {
    return time < this.#query.end || this.#open.size > 0 || time === this.#ended;
  }

  /** Must be called when all samples of the series so far were added: those that follow belong to others. */
  endSeries(): void {
    for (const entries of this.#series.values()) for (const { series } of entries) series.finish();
    this.#series.clear();
    this.#open.clear();
  }

  /** Computes the result; nothing can be added afterwards. */
  finish(): Figures {
    this.endSeries();
    const groups = [...this.#inRange].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, group]) => group);
    const { rounding } = this.#query;
    return {
      figures: figuresOf([...this.#rows(groups)], rounding),
      totals: figuresOf([...this.#totals(groups)], rounding),
    };
  }

  *#rows(groups: readonly Group[]): Generator<FigureSource> {
    for (const { type, unit, source, values, periods, meter } of groups)
      for (const [index, period] of this.#periods.entries())
        for (const name of this.#functionsOf({ type, unit, source, meter })) {
          const cell = periods.get(index) ?? this.#cell();
          yield { function: name, type, unit, source, group: values, period, cell };
        }
  }

  *#totals(groups: readonly Group[]): Generator<FigureSource> {
    const totals = new Map<string, { readonly group: Group; readonly cell: Cell }>();
    for (const group of groups) {
      const key = totalKey('', group, group.values.meter);
      const total = totals.get(key) ?? { group, cell: this.#cell() };
      totals.set(key, total);
      total.cell.absorb(group.whole);
    }
    const { start, end } = this.#query;
    for (const { group, cell } of totals.values())
      for (const name of this.#functionsOf(group)) {
        // Several series have no common last value.
        if (name === 'last' && cell.series.size > 1) continue;
        const { type, unit, source, values } = group;
        const of = { ...(values.meter !== undefined && { meter: values.meter }), source };
        yield { function: name, type, unit, source, group: of, period: { start, end, partial: false }, cell };
      }
  }

  /** The functions that the query names explicitly. */
  get #named(): readonly FigureFunction[] {
    const { functions = [] } = this.#query;
    return functions === 'every' ? [] : functions;
  }

  #functionsOf({ type }: Kind): readonly FigureFunction[] {
    const { functions } = this.#query;
    return functions === 'every' ? everyFunction[type] : (functions ?? [usualFunction[type]]);
  }

  #rules(type: CounterType): Rules {
    const { usual = usualDistance, hold } = this.#query;
    return { type, usual, hold, distribution: this.#named.some(isPercentile) };
  }

  #cell(): Cell {
    return new Cell(this.#named.some(isPercentile));
  }

  #group(key: string): Group {
    return this.#groups.get(key) as Group;
  }

  #keyOf(sample: Sample, entry: SeriesEntry): string {
    const texts = this.#valuesOf(sample);
    const { group, meter, type, unit, source } = entry;
    if (group !== undefined && texts.every((text, at) => text === group.texts[at])) return group.key;
    const figure = JSON.stringify(texts);
    // Sources and units have any characters, so joined texts could be those of others.
    const key = JSON.stringify([type, unit ?? '', source, texts]);
    if (!this.#groups.has(key)) {
      const keys = this.#query.groupBy ?? [];
      const values = Object.fromEntries(keys.map((name, at) => [name, texts[at] ?? null]));
      const made = {
        meter,
        type,
        unit,
        source,
        figure,
        values,
        whole: this.#cell(),
        periods: new Map<number, Cell>(),
      };
      this.#groups.set(key, made);
    }
    entry.group = { texts, key };
    return key;
  }
}

/** What the samples of a group of a span have in common. */
function likeSample(
  series: SeriesKey,
  { metadata, ...owner }: { projectId: string | null; userId: string | null; metadata: string | null },
): Sample {
  const text = metadata === null ? '{}' : `{"resource_metadata":${metadata}}`;
  const none = { messageId: '', volume: '0', timestamp: 0n, publisherId: null, sequence: null, epoch: null };
  return { ...series, ...owner, ...none, text };
}

function kindOf({ meter, type, unit, source }: SeriesKey): Kind {
  if (isCounterType(type)) return { meter, type, unit, source };
  throw new NephoscopeError(
    'TYPE_UNKNOWN',
    `samples of ${meter} have the type '${type.slice(0, 40)}': figures are made of cumulative, delta and gauge ones`,
  );
}

function mixed(one: Kind, other: Kind): NephoscopeError {
  const text = ({ meter, type, unit, source }: Kind) =>
    `${meter} (${type}, ${unit ?? 'without a unit'}${one.source === other.source ? '' : `, of ${source}`})`;
  const how = (['meter', 'type', 'unit', 'source'] as const).find((key) => one[key] !== other[key]) ?? 'source';
  return new NephoscopeError(
    'FIGURE_MIXED',
    `${text(one)} and ${text(other)} cannot be one figure: group by ${how}, or ask for one of them`,
  );
}

function noMetadata(): never {
  throw new NephoscopeError(
    'GROUP_UNKNOWN',
    'to group by metadata or instance, the query must say how metadata is read',
  );
}
