import { NephoscopeError, formatTimestamp } from '@nephoscope/core';
import { Temporal } from 'temporal-polyfill';

import { floorQuotient } from './decimal.js';
import type { Interval } from './interval-set.js';

export type CalendarUnit = 'hour' | 'day' | 'week' | 'month' | 'year';

/**
 * How a range is divided. Periods of a fixed `length` (ns) are aligned to 1970-01-01T00:00:00Z. Calendar periods follow the clock
 * and calendar of an IANA time zone: weeks begin on Monday, a day with the first instant of its date, an hour at each full hour
 * of the clock and where its offset from UTC changes.
 */
export type PeriodSpec =
  | { readonly length: bigint }
  | { readonly calendar: CalendarUnit; /** UTC by default. */ readonly zone?: string | undefined };

export interface Period extends Interval {
  /** Whether it is cut off by the beginning or the end of the range. */
  readonly partial: boolean;
}

const mostPeriods = 1_000_000;

/**
 * The periods of a range, in order and without gaps. The first and the last one are cut off at the ends of the range. Without a
 * specification the range is one period.
 *
 * @throws RANGE_INVALID for an empty range, ZONE_UNKNOWN, and PERIODS_TOO_MANY beyond a million
 */
export function periodsOf(range: Interval, spec?: PeriodSpec): Period[] {
  const { start, end } = range;
  if (start >= end)
    throw new NephoscopeError(
      'RANGE_INVALID',
      `a range ends after it starts; this one is from ${formatTimestamp(start)} to ${formatTimestamp(end)}`,
    );
  if (spec === undefined) return [{ start, end, partial: false }];
  const periods: Period[] = [];
  let from: bigint | undefined;
  for (const edge of 'length' in spec ? fixedEdges(start, spec.length) : calendarEdges(start, spec)) {
    if (from !== undefined && edge > start) {
      const partial = from < start || edge > end;
      periods.push({ start: from < start ? start : from, end: edge > end ? end : edge, partial });
      if (periods.length > mostPeriods)
        throw new NephoscopeError(
          'PERIODS_TOO_MANY',
          `the range has more than ${mostPeriods} periods: ask for a shorter range or longer periods`,
        );
    }
    if (edge >= end) break;
    from = edge;
  }
  return periods;
}

/** The calendar period that contains a moment in a zone: `2026-10`, `2026-10-05` or `2026`. */
export function calendarRange(text: string, zone = 'UTC'): Interval {
  const match = /^(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?$/.exec(text);
  try {
    const [, year = '', month, day] = match ?? [];
    const unit = day !== undefined ? 'days' : month !== undefined ? 'months' : 'years';
    const date = Temporal.PlainDate.from(`${year}-${month ?? '01'}-${day ?? '01'}`);
    return { start: startOf(date, zone), end: startOf(date.add({ [unit]: 1 }), zone) };
  } catch {
    // Of dates and zones the library's texts say less.
    if (match !== null) knownZone(zone);
    throw new NephoscopeError(
      'RANGE_INVALID',
      `'${text.slice(0, 40)}' is no year, month or day: write it as 2026, 2026-10 or 2026-10-05`,
    );
  }
}

/**
 * The instant at which a zone's wall clock shows what the clock of UTC shows at `time`.
 *
 * @throws ZONE_UNKNOWN, and TIMESTAMP_INVALID where the clock shows it twice or never, as when it is set back or forward
 */
export function fromWallClock(time: bigint, zone: string): bigint {
  const wall = at(time, 'UTC').toPlainDateTime();
  try {
    return wall.toZonedDateTime(knownZone(zone), { disambiguation: 'reject' }).epochNanoseconds;
  } catch (error) {
    if (error instanceof NephoscopeError) throw error;
    throw new NephoscopeError(
      'TIMESTAMP_INVALID',
      `${wall.toString()} is there twice or not at all in ${zone}, where the clock was set: write its offset from UTC, too, such as +02:00`,
    );
  }
}

/** A time as a zone's wall clock shows it, with its offset from UTC: `2026-10-05T14:00:00+02:00`. */
export function formatInZone(time: bigint, zone = 'UTC'): string {
  return at(time, knownZone(zone)).toString({ timeZoneName: 'never' });
}

function* fixedEdges(start: bigint, length: bigint): Generator<bigint> {
  if (length <= 0n) throw new NephoscopeError('RANGE_INVALID', 'a period must have a length');
  for (let edge = floorQuotient(start, length) * length; ; edge += length) yield edge;
}

function calendarEdges(
  start: bigint,
  spec: { calendar: CalendarUnit; zone?: string | undefined },
): Iterable<bigint> {
  const zone = knownZone(spec.zone ?? 'UTC');
  return spec.calendar === 'hour' ? hourEdges(start, zone) : dateEdges(start, spec.calendar, zone);
}

/** The beginnings of days, weeks, months or years, starting with the one that contains `start`. */
function* dateEdges(start: bigint, unit: Exclude<CalendarUnit, 'hour'>, zone: string): Generator<bigint> {
  // One unit early: if a clock was set back across midnight, the date of an instant may be that of the day before.
  let date = beginning(at(start, zone).toPlainDate(), unit).subtract({ [`${unit}s`]: 1 });
  let before: bigint | undefined;
  for (; ; date = date.add({ [`${unit}s`]: 1 })) {
    const edge = startOf(date, zone);
    // A date that a zone skipped, as Samoa did with 30 December 2011, has no length.
    if (before !== undefined && edge > before) yield before;
    before = edge;
  }
}

function beginning(date: Temporal.PlainDate, unit: Exclude<CalendarUnit, 'hour'>): Temporal.PlainDate {
  switch (unit) {
    case 'day':
      return date;
    case 'week':
      return date.subtract({ days: date.dayOfWeek - 1 });
    case 'month':
      return date.with({ day: 1 });
    case 'year':
      return date.with({ month: 1, day: 1 });
  }
}

const hour = 3_600_000_000_000n;

function* hourEdges(start: bigint, zone: string): Generator<bigint> {
  // Starting with the day before, so that the hour that contains `start` begins at the right time.
  let edge = startOf(at(start, zone).toPlainDate().subtract({ days: 1 }), zone);
  let change = nextChange(edge, zone);
  let offset = BigInt(at(edge, zone).offsetNanoseconds);
  for (;;) {
    yield edge;
    const fullHour = (floorQuotient(edge + offset, hour) + 1n) * hour - offset;
    if (change !== undefined && change <= fullHour) {
      edge = change;
      offset = BigInt(at(edge, zone).offsetNanoseconds);
      change = nextChange(edge, zone);
    } else edge = fullHour;
  }
}

function nextChange(time: bigint, zone: string): bigint | undefined {
  return at(time, zone).getTimeZoneTransition('next')?.epochNanoseconds;
}

function at(time: bigint, zone: string): Temporal.ZonedDateTime {
  return new Temporal.ZonedDateTime(time, zone);
}

/** The first instant of a date. */
function startOf(date: Temporal.PlainDate, zone: string): bigint {
  return date.toZonedDateTime(zone).epochNanoseconds;
}

function knownZone(zone: string): string {
  try {
    at(0n, zone);
    return zone;
  } catch {
    throw new NephoscopeError(
      'ZONE_UNKNOWN',
      `'${zone.slice(0, 40)}' is no time zone that is known here: write it as Europe/Berlin, UTC or +05:45`,
    );
  }
}

/** The index of the first period that ends after a time. */
export function firstEnding(periods: readonly Period[], time: bigint): number {
  let [low, high] = [0, periods.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((periods[middle] as Period).end > time) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The index of the period that a time is in: -1 before the first one, their number after the last. */
export function periodAt(periods: readonly Period[], time: bigint): number {
  const [first] = periods;
  return first !== undefined && time < first.start ? -1 : firstEnding(periods, time);
}
