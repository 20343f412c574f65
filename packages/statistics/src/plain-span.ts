import type { CounterType } from '@nephoscope/core';

import type { Rules } from './between.js';
import { add, formatDecimal, zero } from './decimal.js';
import type { Decimal } from './decimal.js';
import type { Reading } from './instant.js';
import type { Interval } from './interval-set.js';
import { rolledRules } from './rolled-rules.js';
import type { CellState, SpanState } from './span-state.js';

/** What is stored of a span that follows from its first and last reading. */
export interface Plain {
  readonly type: CounterType;
  readonly first: Reading;
  readonly last: Reading;
  readonly samples: number;
  readonly widest: bigint;
  /** The use of a cumulative meter. */
  readonly sum?: Decimal | undefined;
}

/** What a span is made of that is nothing but its first and last reading; undefined for others. Deltas are one reading then. */
export function plainOf(span: SpanState): (Plain & { readonly sum: Decimal }) | undefined {
  const { rules, cells, widest } = span;
  const [one] = span.first?.readings ?? [];
  const [other] = span.last?.readings ?? [];
  const [[, cell] = []] = cells;
  if (one === undefined || other === undefined || cell === undefined || one.group === null) return undefined;
  const { samples, sum = zero } = cell;
  const { type } = rules;
  // Most of those that are not plain.
  if (cells.length > 1 || cell.bridged.length > 0 || cell.weights.length > 1) return undefined;
  const epoch = type === 'delta' ? null : type === 'gauge' ? other.epoch : one.epoch;
  const from = { at: one.at, volume: one.volume, epoch, group: one.group, id: one.id };
  const last = lastOf(from, other.at, epoch, type === 'cumulative' ? sum : undefined);
  const plain = { type, first: from, last, samples, widest, sum };
  return isSameSpan(span, plainSpan(plain)) ? plain : undefined;
}

/** The span that {@link plainOf} left the rest out of. One literal: spreads would take most of the time of reading rollups. */
export function plainSpan({ type, first, last, samples, widest, sum }: Plain): SpanState {
  const { at, volume, epoch } = first;
  const isOne = at === last.at;
  const group = first.group ?? '';
  const isGauge = type === 'gauge';
  const isCumulative = type === 'cumulative';
  const held = isGauge ? last.at - at : 0n;
  const use = isCumulative && !isOne ? sum : undefined;
  const cell: CellState = {
    samples,
    epochs: isCumulative ? [epoch ?? ''] : [],
    falls: 0,
    sum: type === 'delta' ? volume : use,
    amount: isGauge && !isOne ? { digits: volume.digits * held, scale: volume.scale } : zero,
    held,
    least: isGauge ? volume : undefined,
    greatest: isGauge ? volume : undefined,
    last: isGauge ? { at: last.at, volume } : undefined,
    weights: isGauge && !isOne ? [[formatDecimal(volume), held]] : [],
    covered: isOne ? [] : [{ start: at, end: last.at }],
    bridged: [],
    missing: [],
  };
  return {
    rules: rolledRules(type),
    widest,
    first: { at, readings: [first], samples: [[group, isOne ? samples : 1]] },
    firsts: [],
    last: { at: last.at, readings: [last] },
    epochs: isCumulative ? [[epoch, last.volume]] : [],
    cells: [[group, cell]],
  };
}

/** Ids aside. Field by field: a general comparison took a third of the time of writing rollups. */
function isSameSpan(one: SpanState, other: SpanState): boolean {
  const { first, last } = one;
  const [from, to] = [other.first, other.last];
  if (first === undefined || last === undefined || from === undefined || to === undefined) return false;
  return (
    isSameRules(one.rules, other.rules) &&
    one.widest === other.widest &&
    first.at === from.at &&
    areSame(first.readings, from.readings, isSameReading) &&
    areSame(first.samples, from.samples, isSamePair) &&
    areSame(one.firsts, other.firsts, never) &&
    last.at === to.at &&
    areSame(last.readings, to.readings, isSameReading) &&
    areSame(one.epochs, other.epochs, ([key, value], [name, volume]) => key === name && isSame(value, volume)) &&
    areSame(one.cells, other.cells, ([group, cell], [name, made]) => group === name && isSameCell(cell, made))
  );
}

function isSameRules(one: Rules, other: Rules): boolean {
  return (
    one === other ||
    (one.type === other.type &&
      one.usual === other.usual &&
      one.hold === other.hold &&
      one.distribution === other.distribution)
  );
}

function isSameCell(one: CellState, other: CellState): boolean {
  return (
    one.samples === other.samples &&
    areSame(one.epochs, other.epochs, (run, name) => run === name) &&
    one.falls === other.falls &&
    isSame(one.sum, other.sum) &&
    isSame(one.amount, other.amount) &&
    one.held === other.held &&
    isSame(one.least, other.least) &&
    isSame(one.greatest, other.greatest) &&
    one.last?.at === other.last?.at &&
    isSame(one.last?.volume, other.last?.volume) &&
    areSame(one.weights, other.weights, isSamePair) &&
    areSame(one.covered, other.covered, isSameInterval) &&
    areSame(one.bridged, other.bridged, isSameInterval) &&
    areSame(one.missing, other.missing, isSameInterval)
  );
}

function isSameReading(one: Reading, other: Reading): boolean {
  return (
    one.at === other.at &&
    one.epoch === other.epoch &&
    one.group === other.group &&
    isSame(one.volume, other.volume)
  );
}

function isSame(one: Decimal | undefined, other: Decimal | undefined): boolean {
  return one === other || (one?.digits === other?.digits && one?.scale === other?.scale);
}

const isSamePair = <T>(one: readonly [string, T], other: readonly [string, T]): boolean =>
  one[0] === other[0] && one[1] === other[1];
const isSameInterval = (one: Interval, other: Interval): boolean =>
  one.start === other.start && one.end === other.end;
/** There are none in a plain span. */
const never = (): boolean => false;

function areSame<T>(some: readonly T[], others: readonly T[], are: (one: T, other: T) => boolean): boolean {
  if (some.length !== others.length) return false;
  for (let at = 0; at < some.length; at += 1) if (!are(some[at] as T, others[at] as T)) return false;
  return true;
}

/** The last reading of a {@link Plain}, from what is kept of it. */
export function lastOf(first: Reading, at: bigint, epoch: string | null, sum: Decimal | undefined): Reading {
  const volume = sum === undefined ? first.volume : add(first.volume, sum);
  return { at, volume, epoch, group: first.group, id: first.id };
}
