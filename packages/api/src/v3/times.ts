import { formatTimestamp, isNephoscopeError, parseTimestamp } from '@nephoscope/core';
import { calendarRange } from '@nephoscope/statistics';

import { invalid, shown } from './parameters.js';

/**
 * The instant that a client names: with an offset from UTC, or a day, month or year, which begins where it does in the zone.
 *
 * @throws Problem `invalid-parameters`
 */
export function instantOf(parameter: string, text: string, zone: string): bigint {
  if (/^\d{4}(?:-\d{2}){0,2}$/.test(text)) return calendarRange(text, zone).start;
  try {
    if (/(?:Z|[+-]\d{2}(?::?\d{2})?)$/.test(text)) return parseTimestamp(text);
  } catch (error) {
    if (!isNephoscopeError(error, 'TIMESTAMP_INVALID')) throw error;
  }
  const hint = / \d{2}:?\d{2}$/.test(text) ? '; write the + of an offset as %2B' : '';
  throw invalid([
    {
      parameter,
      message: `'${shown(text)}' is no time with an offset from UTC, such as 2026-10-01T00:00:00Z, nor a day, month or year${hint}`,
    },
  ]);
}

/** RFC 3339 in UTC, with all digits that count and at least six: `2026-11-22T21:00:00.194936Z`. */
export function utcText(time: bigint): string {
  return formatTimestamp(time).replace('+00:00', 'Z');
}
