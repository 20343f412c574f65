import { NephoscopeError } from '@nephoscope/core';
import type { CounterType } from '@nephoscope/core';

import type { Cell } from './cell.js';
import { compare, parseDecimal } from './decimal.js';
import type { Decimal } from './decimal.js';
import { fraction } from './rounding.js';
import type { Fraction } from './rounding.js';

/** `p95` is the 95th percentile; `p99.9` is also possible. */
export type FigureFunction =
  'use' | 'sum' | 'count' | 'amount' | 'average' | 'min' | 'max' | 'last' | `p${number}`;

interface Rule {
  readonly of: (cell: Cell) => Fraction | undefined;
  readonly unit: (unit: string | null) => string | null;
  /** Whether the figures of parts add up to that of the whole. */
  readonly additive: boolean;
}

const hour = 3_600_000_000_000n;

const same = (unit: string | null) => unit;
const exactly = (value: Decimal | undefined) => value && fraction(value);
/** A sum; it is 0, and not unknown, if readings cover the time and nothing was counted in it. */
const added: Rule = {
  of: (cell) => exactly(cell.sum) ?? (cell.covered.empty ? undefined : nothing),
  unit: same,
  additive: true,
};
const nothing: Fraction = { numerator: 0n, denominator: 1n };

const rules: Readonly<Record<string, Rule>> = {
  use: added,
  sum: added,
  count: {
    of: ({ samples }) => ({ numerator: BigInt(samples), denominator: 1n }),
    unit: () => 'sample',
    additive: true,
  },
  amount: {
    of: ({ amount, held }) => (held === 0n ? undefined : fraction(amount, hour)),
    unit: (unit) => (unit === null || unit === '' ? 'h' : `${unit}·h`),
    additive: true,
  },
  average: {
    of: ({ amount, held }) => (held === 0n ? undefined : fraction(amount, held)),
    unit: same,
    additive: false,
  },
  min: { of: ({ least }) => exactly(least), unit: same, additive: false },
  max: { of: ({ greatest }) => exactly(greatest), unit: same, additive: false },
  last: { of: (cell) => exactly(lastOf(cell)), unit: same, additive: false },
};

const allowed: Readonly<Record<CounterType, readonly string[]>> = {
  cumulative: ['use', 'count'],
  delta: ['sum', 'count'],
  gauge: ['amount', 'average', 'min', 'max', 'last', 'count'],
};

const reasons: Readonly<Record<CounterType, string>> = {
  cumulative:
    'each of its readings is a total already: its differences, without those over a restart, are its use',
  delta: 'each of its readings is an amount of its own: they are added up',
  gauge: 'each of its readings is a value at one time: what it comes to depends on how long it held',
};

const proposals: Readonly<Record<CounterType, string>> = {
  cumulative: 'use, or count for the number of samples',
  delta: 'sum, or count for the number of samples',
  gauge: 'amount (value × hours), average (by time), min, max, last, or a percentile such as p95',
};

export function isCounterType(type: string): type is CounterType {
  return Object.hasOwn(allowed, type);
}

/** The default function for each type. */
export const usualFunction: Readonly<Record<CounterType, FigureFunction>> = {
  cumulative: 'use',
  delta: 'sum',
  gauge: 'amount',
};

/** All functions that a type permits, except percentiles, and `last`, which requires a single series. */
export const everyFunction: Readonly<Record<CounterType, readonly FigureFunction[]>> = {
  cumulative: ['use', 'count'],
  delta: ['sum', 'count'],
  gauge: ['amount', 'average', 'min', 'max', 'count'],
};

/** @throws FUNCTION_UNKNOWN */
export function functionOf(name: string): FigureFunction {
  if (Object.hasOwn(rules, name) || percentileOf(name) !== undefined) return name as FigureFunction;
  throw new NephoscopeError(
    'FUNCTION_UNKNOWN',
    `'${name.slice(0, 40)}' is no function: there are ${Object.keys(rules).join(', ')}, and percentiles such as p95`,
  );
}

/** @throws FUNCTION_REFUSED, with an alternative, if the function has no meaning for the type */
export function checkFunction(name: FigureFunction, type: CounterType, meter: string): void {
  if (allowed[type].includes(name) || (type === 'gauge' && isPercentile(name))) return;
  throw new NephoscopeError(
    'FUNCTION_REFUSED',
    `${name} says nothing of ${meter}, which is ${type}: ${reasons[type]}. Ask for ${proposals[type]}`,
  );
}

export function isPercentile(name: string): boolean {
  return percentileOf(name) !== undefined;
}

/** @returns undefined if nothing is known */
export function valueOf(name: FigureFunction, cell: Cell): Fraction | undefined {
  const percentile = percentileOf(name);
  return percentile === undefined ? rules[name]?.of(cell) : exactly(valueAtPercentile(cell, percentile));
}

export function unitOf(name: FigureFunction, unit: string | null): string | null {
  return (rules[name]?.unit ?? same)(unit);
}

export function isAdditive(name: FigureFunction): boolean {
  return rules[name]?.additive === true;
}

function percentileOf(name: string): Decimal | undefined {
  const [, text] = /^p(\d{1,2}(?:\.\d{1,6})?|100)$/.exec(name) ?? [];
  return text === undefined ? undefined : parseDecimal(text);
}

/** The smallest value for which at least this percentage of the time was spent at or below it. */
function valueAtPercentile({ weights, held }: Cell, { digits, scale }: Decimal): Decimal | undefined {
  const values = [...(weights ?? [])].map(([text, ns]) => ({ value: parseDecimal(text), ns }));
  values.sort((one, other) => compare(one.value, other.value));
  const percent = 100n * 10n ** BigInt(scale);
  let below = 0n;
  return values.find(({ ns }) => (below += ns) * percent >= held * digits)?.value;
}

function lastOf({ last, series }: Cell): Decimal | undefined {
  if (series.size > 1)
    throw new NephoscopeError(
      'FUNCTION_REFUSED',
      `last would be that of one of ${series.size} series: group by resource and meter, or ask for average, min or max`,
    );
  return last?.volume;
}
