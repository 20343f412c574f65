import { formatTimestamp, parseTimestamp } from '@nephoscope/core';

import { badRequest, shown } from './fault.js';

const date = /(?<year>\d{4})(?:-(?<month>\d{1,2})(?:-(?<day>\d{1,2}))?|(?<month2>\d{2})(?<day2>\d{2}))?/;
const clock = /(?<hour>\d{2})(?::?(?<minute>\d{2})(?::?(?<second>\d{2})(?:[.,](?<fraction>\d+))?)?)?/;
const zone = /(?<zone>Z|[+-]\d{2}(?::?\d{2})?)/;
const form = new RegExp(`^${date.source}(?:[T ]${clock.source}\\s*${zone.source}?)?$`, 'i');

/**
 * Parses a client's time in any form of ISO 8601 that Ceilometer accepts: a year, a month or a day alone, with or without separators,
 * or with hours only. It is UTC if it has no time zone. Ceilometer ignores the time zone; here it is used.
 *
 * @throws 400
 */
export function timeOf(text: string): bigint {
  const groups = (form.exec(unescapedPlus(text.trim()))?.groups ?? {}) as Readonly<
    Record<string, string | undefined>
  >;
  const two = (...names: readonly string[]) =>
    names
      .map((name) => groups[name])
      .find(isText)
      ?.padStart(2, '0');
  const day = `${groups['year']}-${two('month', 'month2') ?? '01'}-${two('day', 'day2') ?? '01'}`;
  const time = ['hour', 'minute', 'second'].map((name) => groups[name] ?? '00').join(':');
  const fraction = isText(groups['fraction']) ? `.${groups['fraction']}` : '';
  try {
    return parseTimestamp(`${day}T${time}${fraction}${groups['zone']?.toUpperCase() ?? ''}`);
  } catch {
    throw badRequest(`invalid timestamp format: ${shown(text)}`);
  }
}

function isText(text: string | undefined): text is string {
  return text !== undefined;
}

/** An unescaped `+` in a query is a blank. */
function unescapedPlus(text: string): string {
  return text.replace(/^(.{10}[T ][\d:.,]+) (\d{2}(?::?\d{2})?)$/i, '$1+$2');
}

/** In UTC without a time zone, with microseconds if they are not 0: `2012-07-02T10:40:00`. */
export function timeText(time: bigint): string {
  const text = formatTimestamp(time - modulo(time, 1_000n)).replace('+00:00', '');
  return text.endsWith('.000000') ? text.slice(0, -7) : text;
}

/** The same, always with microseconds, as in v1. */
export function microsecondText(time: bigint): string {
  return formatTimestamp(time - modulo(time, 1_000n)).replace('+00:00', '');
}

export const second = 1_000_000_000n;

export function modulo(value: bigint, divisor: bigint): bigint {
  return ((value % divisor) + divisor) % divisor;
}

/** A time span in seconds, as a float. */
export function seconds(difference: bigint): number {
  return Number(difference) / 1e9;
}
