import { floorQuotient, formatDecimal, powerOfTen } from './decimal.js';
import type { Decimal } from './decimal.js';

/** An exact quotient. The divisor is positive. */
export interface Fraction {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

/** `half-even` and `half-up` round to the nearest and differ at halves; `down` is towards 0, `up` away from it. */
export type RoundingMode = 'half-even' | 'half-up' | 'down' | 'up' | 'floor' | 'ceiling';

export interface Rounding {
  /** Digits after the decimal point. */
  readonly digits: number;
  readonly mode: RoundingMode;
}

export const roundingModes = ['half-even', 'half-up', 'down', 'up', 'floor', 'ceiling'] as const;

/** The format of a quotient that no decimal equals, if no rounding is requested: with at least 30 significant digits. */
export function unending({ numerator, denominator }: Fraction): Rounding {
  const leadingZeros = denominator.toString().length - numerator.toString().length;
  return { digits: 31 + Math.max(0, leadingZeros), mode: 'half-even' };
}

export function fraction({ digits, scale }: Decimal, divisor = 1n): Fraction {
  return { numerator: digits, denominator: powerOfTen(scale) * divisor };
}

export function addFractions(one: Fraction, other: Fraction): Fraction {
  const { denominator } = one;
  if (denominator === other.denominator) return { numerator: one.numerator + other.numerator, denominator };
  return {
    numerator: one.numerator * other.denominator + other.numerator * denominator,
    denominator: denominator * other.denominator,
  };
}

/** The decimal with the same value; undefined for a quotient such as 1/3. */
export function exactDecimal({ numerator, denominator }: Fraction): Decimal | undefined {
  let rest = denominator / greatestCommonDivisor(numerator, denominator);
  const exponents = [2n, 5n].map((factor) => {
    let exponent = 0;
    for (; rest % factor === 0n; exponent += 1) rest /= factor;
    return exponent;
  });
  if (rest !== 1n) return undefined;
  const scale = Math.max(...exponents);
  return { digits: (numerator * powerOfTen(scale)) / denominator, scale };
}

/** In lowest terms, as text: `1/3`. */
export function formatFraction({ numerator, denominator }: Fraction): string {
  const common = greatestCommonDivisor(numerator, denominator);
  return `${numerator / common}/${denominator / common}`;
}

export function round(value: Fraction, { digits, mode }: Rounding): Decimal {
  const numerator = value.numerator * powerOfTen(digits);
  const { denominator } = value;
  const floor = floorQuotient(numerator, denominator);
  const rest = numerator - floor * denominator;
  return { digits: rest > 0n && goesUp(floor, rest, denominator, mode) ? floor + 1n : floor, scale: digits };
}

/** Whether `floor` + `rest` ÷ `denominator`, with a positive rest, is rounded to `floor` + 1. */
function goesUp(floor: bigint, rest: bigint, denominator: bigint, mode: RoundingMode): boolean {
  const negative = floor < 0n;
  const half = 2n * rest - denominator;
  switch (mode) {
    case 'floor':
      return false;
    case 'ceiling':
      return true;
    case 'down':
      return negative;
    case 'up':
      return !negative;
    case 'half-even':
      return half === 0n ? floor % 2n !== 0n : half > 0n;
    case 'half-up':
      return half === 0n ? !negative : half > 0n;
  }
}

/**
 * Rounds the parts so that they add up to their rounded sum: each is rounded to one of its two neighbours, and those with the
 * largest remainders to the upper one (among equal ones, the earlier).
 */
export function roundParts(parts: readonly Fraction[], rounding: Rounding): Decimal[] {
  const { digits } = rounding;
  const whole = round(parts.reduce(addFractions, { numerator: 0n, denominator: 1n }), rounding);
  const floors = parts.map((part) => round(part, { digits, mode: 'floor' }).digits);
  const missing = Number(floors.reduce((left, floor) => left - floor, whole.digits));
  const remainders = parts.map(({ numerator, denominator }, at) => ({
    at,
    numerator: numerator * powerOfTen(digits) - (floors[at] ?? 0n) * denominator,
    denominator,
  }));
  const largestFirst = remainders.sort((one, other) => {
    const difference = other.numerator * one.denominator - one.numerator * other.denominator;
    return difference > 0n ? 1 : difference < 0n ? -1 : one.at - other.at;
  });
  for (const { at } of largestFirst.slice(0, missing)) floors[at] = (floors[at] ?? 0n) + 1n;
  return floors.map((floor) => ({ digits: floor, scale: digits }));
}

/** With all of its digits: `1.50` if it was rounded to two. */
export function formatRounded({ digits, scale }: Decimal): string {
  const text = formatDecimal({ digits, scale });
  if (scale === 0) return text;
  const [whole = '', behind = ''] = text.split('.');
  return `${whole}.${behind.padEnd(scale, '0')}`;
}

function greatestCommonDivisor(one: bigint, other: bigint): bigint {
  let [larger, smaller] = [one < 0n ? -one : one, other];
  while (smaller !== 0n) [larger, smaller] = [smaller, larger % smaller];
  return larger;
}
