import { formatTimestamp, parseTimestamp } from '@nephoscope/core';

import { badRequest } from './fault.js';

/**
 * The instant that a client names: ISO 8601, with hours and minutes or a day alone too, UTC unless it has a zone. Ceilometer drops
 * the zone; here it counts.
 */
export function timeOf(text: string): bigint {
  // A `+` that was not escaped in a query is a blank.
  const trimmed = text
    .trim()
    .replace(/ (\d{2}:?\d{2})$/, (zone, hours: string) =>
      /[T ]\d{2}:\d{2}(:\d{2})?([.,]\d+)? \d{2}:?\d{2}$/.test(text.trim()) ? `+${hours}` : zone,
    );
  const [, day = '', rest = ''] = /^(\d{4}-?\d{2}-?\d{2})(?:[T ](.+))?$/i.exec(trimmed) ?? [];
  const [, clock = '', tail = ''] = /^(\d{2}(?::?\d{2}){0,2})(.*)$/.exec(rest === '' ? '00:00:00' : rest) ?? [];
  const numbers = clock.replaceAll(':', '').padEnd(6, '0');
  const time = (numbers.match(/../g) ?? []).join(':');
  const date = day.replaceAll('-', '').replace(/^(....)(..)(..)$/, '$1-$2-$3');
  try {
    return parseTimestamp(`${date}T${time}${tail.toUpperCase()}`);
  } catch {
    throw badRequest(`invalid timestamp format: ${text.slice(0, 60)}`);
  }
}

/** UTC without a zone, with microseconds where there are some: `2012-07-02T10:40:00`. */
export function timeText(time: bigint): string {
  const text = formatTimestamp(time - modulo(time, 1_000n)).replace('+00:00', '');
  return text.endsWith('.000000') ? text.slice(0, -7) : text;
}

/** The same with microseconds always, as v1 has them. */
export function microsecondText(time: bigint): string {
  return formatTimestamp(time - modulo(time, 1_000n)).replace('+00:00', '');
}

export const second = 1_000_000_000n;

export function modulo(value: bigint, divisor: bigint): bigint {
  return ((value % divisor) + divisor) % divisor;
}

/** A difference of times in seconds, as a float. */
export function seconds(difference: bigint): number {
  return Number(difference) / 1e9;
}
