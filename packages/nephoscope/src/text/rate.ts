import { groupDigits, parseDecimal, subtract } from './decimal.js';

/** A volume as it was recorded, and its moment in ns. */
export interface Reading {
  readonly volume: string;
  readonly timestamp: bigint;
}

/**
 * How much a volume changed per second from one reading to a later one, rounded to hundredths (from 100 on to
 * integers) after exact arithmetic. Undefined if it cannot be determined.
 */
export function changePerSecond(earlier: Reading, later: Reading): string | undefined {
  const from = parseDecimal(earlier.volume);
  const to = parseDecimal(later.volume);
  const nanoseconds = later.timestamp - earlier.timestamp;
  if (from === undefined || to === undefined || nanoseconds <= 0n) return undefined;
  const { digits, exponent } = subtract(to, from);
  const size = digits < 0n ? -digits : digits;
  // Hundredths per second.
  const [scale, divisor] = exponent < 0 ? [1n, 10n ** BigInt(-exponent)] : [10n ** BigInt(exponent), 1n];
  const hundredths = roundedQuotient(size * scale * 100_000_000_000n, divisor * nanoseconds);
  const sign = digits < 0n && hundredths > 0n ? '-' : '';
  if (hundredths >= 10_000n) return sign + groupDigits(roundedQuotient(hundredths, 100n).toString());
  const cents = (hundredths % 100n).toString().padStart(2, '0').replace(/0+$/, '');
  return `${sign}${hundredths / 100n}${cents === '' ? '' : `.${cents}`}`;
}

function roundedQuotient(dividend: bigint, divisor: bigint): bigint {
  return (2n * dividend + divisor) / (2n * divisor);
}
