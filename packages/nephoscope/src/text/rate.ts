import { volumeProblem } from '@nephoscope/message';
import { parseDecimal, subtractDecimals } from '@nephoscope/statistics';
import type { Decimal } from '@nephoscope/statistics';

import { groupDigits } from './group-digits.js';

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
  const nanoseconds = later.timestamp - earlier.timestamp;
  if (nanoseconds <= 0n) return undefined;
  const change = changeOf(earlier.volume, later.volume);
  if (change === undefined) return undefined;
  const { digits, scale } = change;
  const size = digits < 0n ? -digits : digits;
  const hundredths = roundedQuotient(size * 100_000_000_000n, 10n ** BigInt(scale) * nanoseconds);
  const sign = digits < 0n && hundredths > 0n ? '-' : '';
  if (hundredths >= 10_000n) return sign + groupDigits(roundedQuotient(hundredths, 100n).toString());
  const cents = (hundredths % 100n).toString().padStart(2, '0').replace(/0+$/, '');
  return `${sign}${hundredths / 100n}${cents === '' ? '' : `.${cents}`}`;
}

/** Undefined for volumes that no figure can be made of. */
function changeOf(earlier: string, later: string): Decimal | undefined {
  if ([earlier, later].some((volume) => volumeProblem(volume) !== undefined)) return undefined;
  return subtractDecimals(parseDecimal(later), parseDecimal(earlier));
}

function roundedQuotient(dividend: bigint, divisor: bigint): bigint {
  return (2n * dividend + divisor) / (2n * divisor);
}
