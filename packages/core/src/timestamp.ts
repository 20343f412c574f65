import { NephoscopeError } from './errors.js';

const form = /^(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2}):(\d{2})(?:[.,](\d{1,9})\d*)?(Z|[+-]\d{2}(?::?\d{2})?)?$/;

/**
 * Nanoseconds since 1970 UTC of an ISO 8601 time as OpenStack's services write it: `T` or a blank in the
 * middle, up to nine digits of a second (more are cut off), a zone or none for UTC.
 *
 * @throws TIMESTAMP_INVALID
 */
export function parseTimestamp(text: string): bigint {
  const match = form.exec(text);
  if (match === null) throw invalid(text);
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [number, number, number, number, number, number];
  const millis = Date.UTC(year, month - 1, day, hour, minute, second);
  const date = new Date(millis);
  // Date.UTC rolls 31 April over into May; a time that does not exist is an error here. A leap second does exist.
  if (date.getUTCMonth() !== (second === 60 ? date.getUTCMonth() : month - 1) || date.getUTCFullYear() < 1 || hour > 23 || minute > 59 || second > 60) {
    throw invalid(text);
  }
  const fraction = BigInt((match[7] ?? '').padEnd(9, '0'));
  return BigInt(millis) * 1_000_000n + fraction - zoneOffset(match[8]);
}

function zoneOffset(zone: string | undefined): bigint {
  if (zone === undefined || zone === 'Z') return 0n;
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(zone.length > 3 ? -2 : 3) || 0);
  return BigInt(zone.startsWith('-') ? -minutes : minutes) * 60_000_000_000n;
}

/**
 * The time as ISO 8601 in UTC with all the digits that it has, six at least: `2026-11-22T21:00:00.194936+00:00`,
 * as Ceilometer writes it.
 */
export function formatTimestamp(nanoseconds: bigint): string {
  const millis = nanoseconds / 1_000_000n - (nanoseconds % 1_000_000n < 0n ? 1n : 0n);
  const rest = Number(nanoseconds - millis * 1_000_000n);
  const head = new Date(Number(millis)).toISOString().slice(0, -1);
  const tail = rest.toString().padStart(6, '0');
  return `${head}${tail.endsWith('000') ? tail.slice(0, 3) : tail}+00:00`;
}

function invalid(text: string): NephoscopeError {
  return new NephoscopeError('TIMESTAMP_INVALID', `'${text.slice(0, 40)}' is not an ISO 8601 time such as 2026-11-22T21:00:00.194936+00:00`);
}
