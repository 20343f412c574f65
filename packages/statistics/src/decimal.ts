import { NephoscopeError } from '@nephoscope/core';

/** An exact decimal number: `digits` ÷ 10^`scale`. */
export interface Decimal {
  readonly digits: bigint;
  /** 0 or more. */
  readonly scale: number;
}

export const zero: Decimal = { digits: 0n, scale: 0 };

const integer = /^-?\d+$/;

const form = /^([+-]?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

/** No store has more digits before or after the decimal point. */
const largestExponent = 140_000;

/**
 * Reads a number as JSON writes it: `8292646586825371460`, `1e-07`. Zeros at the end of a fraction are removed, so that equal
 * numbers are equal decimals.
 *
 * @throws DECIMAL_INVALID for other texts, and for an exponent beyond 140,000
 */
export function parseDecimal(text: string): Decimal {
  if (integer.test(text)) return { digits: BigInt(text), scale: 0 };
  const match = form.exec(text);
  if (match === null) throw invalid(text);
  const [, sign = '', whole = '', fraction = '', power = '0'] = match;
  const exponent = Number(power);
  if (Math.abs(exponent) > largestExponent) throw invalid(text);
  const significant = fraction.replace(/0+$/, '');
  const digits = BigInt(sign + whole + significant);
  return trimmed(scaled(digits, significant.length - exponent));
}

/** All digits, without an exponent: `-0.0000001`. */
export function formatDecimal({ digits, scale }: Decimal): string {
  if (scale === 0) return digits.toString();
  const sign = digits < 0n ? '-' : '';
  const text = (digits < 0n ? -digits : digits).toString().padStart(scale + 1, '0');
  const fraction = text.slice(-scale).replace(/0+$/, '');
  return `${sign}${text.slice(0, -scale)}${fraction === '' ? '' : `.${fraction}`}`;
}

export function add(one: Decimal, other: Decimal): Decimal {
  if (one.scale === other.scale) return { digits: one.digits + other.digits, scale: one.scale };
  const scale = Math.max(one.scale, other.scale);
  return { digits: rescaled(one, scale) + rescaled(other, scale), scale };
}

export function subtract(one: Decimal, other: Decimal): Decimal {
  return add(one, { digits: -other.digits, scale: other.scale });
}

export function multiply({ digits, scale }: Decimal, factor: bigint): Decimal {
  return { digits: digits * factor, scale };
}

/** Negative, 0 or positive, as for `sort`. */
export function compare(one: Decimal, other: Decimal): number {
  const scale = Math.max(one.scale, other.scale);
  const [first, second] = [rescaled(one, scale), rescaled(other, scale)];
  return first < second ? -1 : first > second ? 1 : 0;
}

/** The greatest integer that is not greater than `dividend` ÷ `divisor`, for a positive divisor. */
export function floorQuotient(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor;
  return dividend < 0n && quotient * divisor !== dividend ? quotient - 1n : quotient;
}

export function powerOfTen(exponent: number): bigint {
  return (powers[exponent] ??= 10n ** BigInt(exponent));
}

const powers: bigint[] = [];

function rescaled({ digits, scale }: Decimal, to: number): bigint {
  return to === scale ? digits : digits * powerOfTen(to - scale);
}

function scaled(digits: bigint, scale: number): Decimal {
  return scale < 0 ? { digits: digits * powerOfTen(-scale), scale: 0 } : { digits, scale };
}

function trimmed({ digits, scale }: Decimal): Decimal {
  let [rest, places] = [digits, scale];
  while (places > 0 && rest % 10n === 0n) {
    rest /= 10n;
    places -= 1;
  }
  return { digits: rest, scale: places };
}

function invalid(text: string): NephoscopeError {
  return new NephoscopeError('DECIMAL_INVALID', `'${text.slice(0, 40)}' is not a decimal number of this size`);
}
