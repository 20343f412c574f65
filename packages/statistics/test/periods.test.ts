import { parseTimestamp } from '@nephoscope/core';
import fc from 'fast-check';

import { calendarRange, formatInZone, periodsOf } from '../src/periods.js';
import type { CalendarUnit } from '../src/periods.js';
import { histories } from './histories.js';

const time = (text: string) => parseTimestamp(text);
const hours = (length: bigint) => Number(length) / 3_600_000_000_000;
const lengths = (start: string, end: string, calendar: CalendarUnit, zone?: string) =>
  periodsOf({ start: time(start), end: time(end) }, { calendar, zone }).map((period) =>
    hours(period.end - period.start),
  );

it('days have 23 and 25 hours if the clock changes, and 24 otherwise', () => {
  expect(lengths('2026-03-28T00:00:00+01:00', '2026-03-31T00:00:00+02:00', 'day', 'Europe/Berlin')).toEqual([
    24, 23, 24,
  ]);
  expect(lengths('2026-10-24T00:00:00+02:00', '2026-10-27T00:00:00+01:00', 'day', 'Europe/Berlin')).toEqual([
    24, 25, 24,
  ]);
  // Half an hour on Lord Howe Island.
  expect(lengths('2026-04-04T00:00:00+11:00', '2026-04-06T00:00:00+10:30', 'day', 'Australia/Lord_Howe')).toEqual([
    24, 24.5,
  ]);
  expect(lengths('2026-04-05T01:00:00+11:00', '2026-04-05T04:00:00+10:30', 'hour', 'Australia/Lord_Howe')).toEqual(
    [1, 0.5, 1, 1],
  );
});

it('a day may begin at one o’clock, and may be missing from a zone', () => {
  expect(lengths('2018-11-03T00:00:00-03:00', '2018-11-05T00:00:00-02:00', 'day', 'America/Sao_Paulo')).toEqual([
    24, 23,
  ]);
  expect(lengths('2011-12-29T00:00:00-10:00', '2012-01-01T00:00:00+14:00', 'day', 'Pacific/Apia')).toEqual([
    24, 24,
  ]);
});

it('are aligned to the calendar, include their start, exclude their end, and are marked if they are cut off', () => {
  const [start, end] = [time('2026-10-14T12:34:56'), time('2026-11-03T00:00:00')];
  expect(periodsOf({ start, end }, { calendar: 'month' })).toEqual([
    { start, end: time('2026-11-01T00:00:00'), partial: true },
    { start: time('2026-11-01T00:00:00'), end, partial: true },
  ]);
  expect(
    periodsOf({ start: time('2026-10-12T00:00:00'), end: time('2026-10-26T00:00:00') }, { calendar: 'week' }),
  ).toEqual([
    { start: time('2026-10-12T00:00:00'), end: time('2026-10-19T00:00:00'), partial: false },
    { start: time('2026-10-19T00:00:00'), end: time('2026-10-26T00:00:00'), partial: false },
  ]);
  expect(periodsOf({ start: 5n, end: 21n }, { length: 10n })).toEqual([
    { start: 5n, end: 10n, partial: true },
    { start: 10n, end: 20n, partial: false },
    { start: 20n, end: 21n, partial: true },
  ]);
  expect(periodsOf({ start: -5n, end: 0n }, { length: 10n })).toEqual([{ start: -5n, end: 0n, partial: true }]);
  expect(periodsOf({ start: 5n, end: 21n })).toEqual([{ start: 5n, end: 21n, partial: false }]);
});

it('a year, month or day is a range in its zone', () => {
  expect(calendarRange('2026-10', 'Europe/Berlin')).toEqual({
    start: time('2026-10-01T00:00:00+02:00'),
    end: time('2026-11-01T00:00:00+01:00'),
  });
  expect(calendarRange('2026')).toEqual({ start: time('2026-01-01T00:00:00'), end: time('2027-01-01T00:00:00') });
  expect(calendarRange('2026-10-05')).toEqual({
    start: time('2026-10-05T00:00:00'),
    end: time('2026-10-06T00:00:00'),
  });
});

it("a time is formatted as its zone's wall clock shows it", () => {
  const shown = (zone?: string) => formatInZone(time('2026-10-05T12:00:00.5'), zone);
  expect([shown(), shown('Asia/Kathmandu')]).toEqual([
    '2026-10-05T12:00:00.5+00:00',
    '2026-10-05T17:45:00.5+05:45',
  ]);
  expect(() => shown('x')).toThrow(expect.objectContaining({ code: 'ZONE_UNKNOWN' }));
});

it.each([
  ['a month that does not exist', () => calendarRange('2026-13'), 'RANGE_INVALID'],
  ['unrelated text', () => calendarRange('October'), 'RANGE_INVALID'],
  ['a zone that does not exist', () => calendarRange('2026-10', 'Europe/Atlantis'), 'ZONE_UNKNOWN'],
  [
    'a zone for periods of a fixed length',
    () => periodsOf({ start: 0n, end: 1n }, { calendar: 'day', zone: 'x' }),
    'ZONE_UNKNOWN',
  ],
  ['an empty range', () => periodsOf({ start: 1n, end: 1n }), 'RANGE_INVALID'],
  ['periods of length 0', () => periodsOf({ start: 0n, end: 1n }, { length: 0n }), 'RANGE_INVALID'],
  ['too many periods', () => periodsOf({ start: 0n, end: 10n ** 9n }, { length: 1n }), 'PERIODS_TOO_MANY'],
])('refuses %s', (_, ask, code) => {
  expect(ask).toThrow(expect.objectContaining({ code }));
});

it('an error about a range shows its times as text', () => {
  expect(() => periodsOf({ start: time('2026-11-01T00:00:00'), end: time('2026-10-01T00:00:00') })).toThrow(
    /from 2026-11-01T00:00:00\S* to 2026-10-01T00:00:00/,
  );
});

const units: readonly CalendarUnit[] = ['hour', 'day', 'week', 'month', 'year'];

/** The wall clock and calendar at a time, from Intl; the hour includes the offset, which distinguishes two hours of the same name. */
function shown(seconds: number, unit: CalendarUnit, format: Intl.DateTimeFormat): string {
  const parts = Object.fromEntries(
    format.formatToParts(seconds * 1000).map(({ type, value }) => [type, Number(value)]),
  );
  const { year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0 } = parts;
  const local = Date.UTC(year, month - 1, day, hour, minute, second) / 1000;
  switch (unit) {
    case 'hour':
      return `${Math.floor(local / 3600)} ${local - seconds}`;
    case 'day':
      return String(Math.floor(local / 86_400));
    case 'week':
      // 1970 began on a Thursday.
      return String(Math.floor((Math.floor(local / 86_400) + 3) / 7));
    case 'month':
      return `${year}-${month}`;
    case 'year':
      return String(year);
  }
}

it('in every zone begin where the wall clock or the calendar shows a new period', () => {
  const numbers = { year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric' } as const;
  const zones = Intl.supportedValuesOf('timeZone');
  expect(zones.length).toBeGreaterThan(400);
  const check = (zone: string, unit: CalendarUnit, from: number) => {
    const format = new Intl.DateTimeFormat('en-u-ca-gregory', {
      ...{ ...numbers, minute: 'numeric', second: 'numeric' },
      ...{ hourCycle: 'h23', timeZone: zone },
    });
    const length = { hour: 40, day: 24 * 9, week: 24 * 20, month: 24 * 70, year: 24 * 500 }[unit] * 3600;
    const range = { start: BigInt(from) * 1_000_000_000n, end: BigInt(from + length) * 1_000_000_000n };
    const periods = periodsOf(range, { calendar: unit, zone });
    expect([periods[0]?.start, periods.at(-1)?.end]).toEqual([range.start, range.end]);
    periods.forEach(({ start, end }, at) => {
      const [first, last] = [Number(start / 1_000_000_000n), Number(end / 1_000_000_000n) - 1];
      const label = shown(first, unit, format);
      expect({ zone, unit, from, label: shown(last, unit, format) }).toEqual({ zone, unit, from, label });
      const next = periods[at + 1];
      if (next !== undefined) {
        expect(next.start).toBe(end);
        expect({ zone, unit, from, next: shown(last + 1, unit, format) }).not.toEqual({
          zone,
          unit,
          from,
          next: label,
        });
      }
      expect(shown(Math.floor((first + last) / 2), unit, format)).toBe(label);
    });
  };
  // Some days of a recent year in each zone, and any time since 1970 in some zones.
  for (const [at, zone] of zones.entries())
    check(zone, at % 2 === 0 ? 'day' : 'hour', Date.UTC(2026, 2, 25 + (at % 4)) / 1000);
  fc.assert(
    fc.property(
      fc.constantFrom(...zones),
      fc.constantFrom(...units),
      fc.integer({ min: 0, max: Date.UTC(2037, 0, 1) / 1000 }),
      check,
    ),
    { numRuns: histories },
  );
});
