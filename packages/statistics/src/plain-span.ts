import type { CounterType } from '@nephoscope/core';

import { add, formatDecimal, zero } from './decimal.js';
import type { Decimal } from './decimal.js';
import type { Reading } from './instant.js';
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
  const from = type === 'cumulative' ? one : { ...one, epoch: type === 'gauge' ? other.epoch : null };
  const last = lastOf(from, other.at, from.epoch, type === 'cumulative' ? sum : undefined);
  const plain = { type, first: from, last, samples, widest, sum };
  return isSame(span, plainSpan(plain)) ? plain : undefined;
}

/** The span that {@link plainOf} left the rest out of. */
export function plainSpan({ type, first, last, samples, widest, sum }: Plain): SpanState {
  const isOne = first.at === last.at;
  const group = first.group ?? '';
  const held = last.at - first.at;
  const value = first.volume;
  const empty = { sum: undefined, least: undefined, greatest: undefined, last: undefined };
  const common = { ...empty, samples, falls: 0, epochs: [], amount: zero, held: 0n, weights: [] };
  const covered = isOne ? [] : [{ start: first.at, end: last.at }];
  const cells: Record<CounterType, Partial<CellState>> = {
    cumulative: { epochs: [first.epoch ?? ''], sum: isOne ? undefined : sum },
    delta: { sum: value },
    gauge: {
      ...{ amount: isOne ? zero : { digits: value.digits * held, scale: value.scale }, held },
      ...{ least: value, greatest: value, last: { at: last.at, volume: value } },
      weights: isOne ? [] : [[formatDecimal(value), held]],
    },
  };
  return {
    ...{ rules: rolledRules(type), widest, firsts: [] },
    first: { at: first.at, readings: [first], samples: [[group, isOne ? samples : 1]] },
    last: { at: last.at, readings: [last] },
    epochs: type === 'cumulative' ? [[first.epoch, last.volume]] : [],
    cells: [[group, { ...common, ...cells[type], covered, bridged: [], missing: [] }]],
  };
}

/** Ids aside. */
function isSame(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return false;
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  const keys = Object.keys(one);
  const others = Object.keys(other);
  const rest = (names: readonly string[]) => names.filter((name) => name !== 'id');
  if (rest(keys).length !== rest(others).length) return false;
  return rest(keys).every(
    (key) =>
      Object.hasOwn(other, key) &&
      isSame((one as Record<string, unknown>)[key], (other as Record<string, unknown>)[key]),
  );
}

/** The last reading of a {@link Plain}, from what is kept of it. */
export function lastOf(first: Reading, at: bigint, epoch: string | null, sum: Decimal | undefined): Reading {
  return { ...first, at, epoch, volume: sum === undefined ? first.volume : add(first.volume, sum) };
}
