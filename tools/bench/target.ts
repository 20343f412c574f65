import { rounded } from './statistics.js';
import type { Summary } from './statistics.js';

/** A figure with a limit. `median` decides; `min` shows how much of it is noise of a shared machine. */
export interface Target {
  readonly what: string;
  readonly limit: number;
  readonly median: number;
  readonly min: number;
  readonly met: boolean;
}

/** @param unit the divisor of the figures */
export function target(
  what: string,
  limit: number,
  { median, min }: Pick<Summary, 'median' | 'min'>,
  unit = 1,
): Target {
  return { what, limit, median: rounded(median / unit), min: rounded(min / unit), met: median / unit <= limit };
}

/** A figure that was measured once. */
export interface SingleTarget {
  readonly what: string;
  readonly limit: number;
  readonly value: number;
  readonly met: boolean;
}

export function below(what: string, limit: number, value: number): SingleTarget {
  return { what, limit, value, met: value < limit };
}

export function atLeast(what: string, limit: number, value: number): SingleTarget {
  return { what, limit: rounded(limit), value: rounded(value), met: value >= limit };
}
