import { NephoscopeError } from './errors.js';

const form =
  /^(\d{4}-\d{2}-\d{2})[T ]([01]\d|2[0-3]):([0-5]\d):([0-5]\d|60)(?:[.,](\d{1,9})\d*)?(?:Z|([+-])([01]\d|2[0-3])(?::?([0-5]\d))?)?$/;

/**
 * Nanoseconds since 1970 UTC of an ISO 8601 time in the notations of OpenStack's services: `T` or a blank in the
 * middle, up to nine digits of a second (further ones are truncated), a time zone or none for UTC. A leap second
 * (`:60`) is the following second.
 *
 * @throws TIMESTAMP_INVALID
 */
export function parseTimestamp(text: string): bigint {
  const match = form.exec(text);
  if (match === null) throw invalid(text);
  const [, date = '', hour, minute, second, fraction = '', sign, zoneHour, zoneMinute = 0] = match;
  const midnight = date === lastDay.date ? lastDay.midnight : midnightOf(date);
  if (midnight === undefined) throw invalid(text);
  lastDay = { date, midnight };
  const offset = sign === undefined ? 0 : (Number(zoneHour) * 60 + Number(zoneMinute)) * (sign === '-' ? -1 : 1);
  const seconds = midnight / 1000 + (Number(hour) * 60 + Number(minute) - offset) * 60 + Number(second);
  return BigInt(seconds) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0'));
}

/** Whether it is a text that {@link parseTimestamp} accepts. */
export function isTimestamp(value: unknown): value is string {
  if (typeof value !== 'string') return false;
  try {
    parseTimestamp(value);
    return true;
  } catch {
    return false;
  }
}

/** Of the last time parsed, because thousands of consecutive times are on the same day. */
let lastDay = { date: '', midnight: 0 };

/** ms since 1970 UTC; undefined for a day that does not exist. */
function midnightOf(date: string): number | undefined {
  const midnight = Date.parse(date);
  // Date.parse returns NaN for such a day, or a day of the next month.
  return Number.isNaN(midnight) || !new Date(midnight).toISOString().startsWith(date) ? undefined : midnight;
}

/**
 * The time as ISO 8601 in UTC with all significant digits and at least six, as in Ceilometer:
 * `2026-11-22T21:00:00.194936+00:00`.
 */
export function formatTimestamp(nanoseconds: bigint): string {
  const rest = nanoseconds % second;
  const fraction = rest < 0n ? rest + second : rest;
  const seconds = nanoseconds - fraction;
  // Half of the time goes by, otherwise, where many samples of one time are written.
  if (seconds !== lastSecond.at)
    lastSecond = { at: seconds, text: new Date(Number(seconds / 1_000_000n)).toISOString().slice(0, -4) };
  const digits = fraction.toString().padStart(9, '0');
  return `${lastSecond.text}${digits.endsWith('000') ? digits.slice(0, 6) : digits}+00:00`;
}

const second = 1_000_000_000n;
let lastSecond = { at: 0n, text: '1970-01-01T00:00:00.' };

function invalid(text: string): NephoscopeError {
  return new NephoscopeError(
    'TIMESTAMP_INVALID',
    `'${text.slice(0, 40)}' is not an ISO 8601 time such as 2026-11-22T21:00:00.194936+00:00`,
  );
}
