import { describeError, parseTimestamp } from '@nephoscope/core';
import type { Figure } from '@nephoscope/statistics';

import { readOptions } from '../src/usage/figure-options.js';
import { csvHead, csvRow, figureTable, isEmpty, jsonLine } from '../src/usage/figure-text.js';

const time = (text: string) => parseTimestamp(text);
const now = time('2026-10-14T22:30:00');

it('covers this month so far in the time zone, unless a range is given', () => {
  const rangeOf = (options: object) => {
    const { start, end } = readOptions({ zone: 'UTC', ...options }, now).query;
    return { start, end };
  };
  expect(rangeOf({})).toEqual({ start: time('2026-10-01T00:00:00'), end: now });
  expect(rangeOf({ zone: 'Asia/Tokyo', start: '2026-10-15', end: '2026-10-15T12:00:00+09:00' })).toEqual({
    start: time('2026-10-14T15:00:00'),
    end: time('2026-10-15T03:00:00'),
  });
  // A time without an offset from UTC is one of the zone, as a day is.
  expect(rangeOf({ zone: 'Asia/Kathmandu', start: '2026-10-01T10:00:00', end: '2026-10-01T12:00' })).toEqual({
    start: time('2026-10-01T04:15:00'),
    end: time('2026-10-01T06:15:00'),
  });
  expect(rangeOf({ zone: '+05:45', start: '2026-10-01 10:00:00.25', end: '2026-10-01T12:00Z' })).toEqual({
    start: time('2026-10-01T04:15:00.25'),
    end: time('2026-10-01T12:00:00'),
  });
  expect(rangeOf({ start: '2h' })).toEqual({ start: time('2026-10-14T20:30:00'), end: now });
  expect(rangeOf({ zone: 'Europe/Berlin', month: '2026-10' })).toEqual({
    start: time('2026-09-30T22:00:00'),
    end: time('2026-10-31T23:00:00'),
  });
});

it('accepts one period and any groups to list by', () => {
  const { query, view } = readOptions({ zone: 'UTC', by: 'instance, day', round: '2', function: 'p95,max' }, now);
  expect(query).toMatchObject({
    ...{
      groupBy: ['meter', 'instance', 'source', 'type', 'unit'],
      period: { calendar: 'day', zone: 'UTC' },
      functions: ['p95', 'max'],
    },
    rounding: { digits: 2, mode: 'half-even' },
  });
  expect(view).toEqual({ zone: 'UTC', unit: 'day', groups: ['meter', 'instance'] });
});

it('accepts a period of a fixed length', () => {
  const { query, view } = readOptions({ zone: 'UTC', by: '15m,project' }, now);
  expect(query.period).toEqual({ length: 900_000_000_000n });
  expect(view).toEqual({ zone: 'UTC', unit: undefined, groups: ['meter', 'project'] });
});

it.each([
  [{ by: 'day,month' }, 'GROUP_UNKNOWN'],
  [{ by: 'day,day' }, 'GROUP_UNKNOWN'],
  [{ by: 'day,15m' }, 'GROUP_UNKNOWN'],
  [{ by: 'project,instance,project' }, 'GROUP_UNKNOWN'],
  [{ by: 'flavor' }, 'GROUP_UNKNOWN'],
  [{ function: 'median' }, 'FUNCTION_UNKNOWN'],
  [{ round: 'two' }, 'ROUNDING_UNKNOWN'],
  [{ round: '2,bankers' }, 'ROUNDING_UNKNOWN'],
  [{ month: '2026-13' }, 'RANGE_INVALID'],
  [{ start: 'yesterday' }, 'TIMESTAMP_INVALID'],
  [{ zone: 'Mars' }, 'ZONE_UNKNOWN'],
  [{ zone: 'Mars', start: '2026-10-01T10:00' }, 'ZONE_UNKNOWN'],
  // The clock was set back, and forward.
  [{ zone: 'Europe/Berlin', start: '2026-10-25T02:30:00' }, 'TIMESTAMP_INVALID'],
  [{ zone: 'Europe/Berlin', start: '2026-03-29T02:30' }, 'TIMESTAMP_INVALID'],
])('refuses %j', (options, code) => {
  expect(() => readOptions({ zone: 'UTC', ...options }, now)).toThrow(expect.objectContaining({ code }));
});

it.each([
  [{ by: 'dey' }, ['project', 'metadata.<key>', 'hour, day, week, month, year', '15m']],
  [{ month: 'nov' }, ['2026-10-05']],
  [{ month: '2026-13' }, ['2026-10-05']],
  [{ zone: 'Mars/X' }, ['Europe/Berlin', '+05:45']],
  [{ zone: 'Europe/Berlin', start: '2026-10-25T02:30:00' }, ['2026-10-25T02:30:00', 'twice', '+02:00']],
])('says what is expected instead of %j, and nothing of libraries', (options, texts) => {
  let said = '';
  try {
    readOptions({ zone: 'UTC', ...options }, now);
  } catch (error) {
    said = describeError(error);
  }
  for (const text of texts) expect(said).toContain(text);
  expect(said).not.toMatch(/Invalid|Temporal|RangeError/);
});

const figure: Figure = {
  ...{
    function: 'use',
    type: 'cumulative',
    unit: 'ns',
    group: { meter: 'cpu', 'metadata.name': 'a "b", c', source: 'openstack' },
  },
  ...{
    start: now,
    end: now + 10n ** 12n,
    partial: true,
    value: '1234567.12345678',
    apportioned: '5',
    opening: '1000',
  },
  ...{ series: 1, samples: 2, epochs: 1 },
  coverage: { measured: '999.5', bridged: '0.5', missing: '0', gaps: [] },
};
const view = { zone: 'Asia/Kathmandu', unit: 'hour', groups: ['meter', 'metadata.name'] } as const;

it('the table marks shortened fractions, and rounds no percentage up to 100', () => {
  expect(figureTable([figure], [], view)).toBe(
    [
      'HOUR                       METER  METADATA.NAME  FUNCTION              VALUE  UNIT  MEASURED  BRIDGED  MISSING  NOTES',
      '2026-10-15T04:15:00+05:45  cpu    a "b", c       use       1,234,567.123456…  ns      99.9 %   <0.1 %           partial, opening 1,000, 5 apportioned',
    ].join('\n'),
  );
});

it('the table shows the source where there is more than one, or where it is asked for', () => {
  const posted: Figure = { ...figure, group: { ...figure.group, source: 'p:openstack' }, value: '-31000' };
  const words = (text: string) => text.split('\n').map((line) => line.split(/  +/).slice(1, 5));
  expect(words(figureTable([figure, posted], [], view))).toEqual([
    ['METER', 'METADATA.NAME', 'SOURCE', 'FUNCTION'],
    ['cpu', 'a "b", c', 'openstack', 'use'],
    ['cpu', 'a "b", c', 'p:openstack', 'use'],
  ]);
  // A total of a source without known figures would be taken for that of the other.
  expect(figureTable([figure], [figure, posted], view)).toContain('SOURCE');
  expect(words(figureTable([figure], [], { ...view, groups: ['meter', 'source'] }))).toEqual([
    ['METER', 'SOURCE', 'FUNCTION', 'VALUE'],
    ['cpu', 'openstack', 'use', '1,234,567.123456…'],
  ]);
});

it('CSV and JSON always have the source, once', () => {
  expect(csvHead({ ...view, groups: ['source', 'meter'] })).toContain('partial,source,meter,type,');
  expect(JSON.parse(jsonLine(figure, { ...view, groups: ['meter'] }, false))).toMatchObject({
    group: { meter: 'cpu', source: 'openstack' },
  });
});

it('CSV has every digit, and quotes what needs it', () => {
  expect(csvHead(view)).toContain('partial,meter,metadata.name,source,type,');
  expect(csvRow({ ...figure, value: null }, view)).toBe(
    '2026-10-15T04:15:00+05:45,2026-10-15T04:31:40+05:45,true,cpu,"a ""b"", c",openstack,cumulative,use,,ns,,1000,5,1,2,1,999.5,0.5,0\n',
  );
  expect(isEmpty(figure)).toBe(false);
  expect(isEmpty({ ...figure, value: null, samples: 0, opening: null })).toBe(true);
});
