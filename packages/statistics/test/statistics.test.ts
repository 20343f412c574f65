import { parseTimestamp } from '@nephoscope/core';
import type { Sample } from '@nephoscope/core/sample-store';

import { Cell } from '../src/cell.js';
import { functionOf } from '../src/functions.js';
import { groupKeyOf } from '../src/groups.js';
import { Statistics } from '../src/statistics.js';
import type { StatisticsQuery } from '../src/statistics.js';

const day = (text: string) => parseTimestamp(`2026-10-0${text}`);
const query: StatisticsQuery = { start: day('1T00:00:00'), end: day('3T00:00:00'), period: { calendar: 'day' } };

let count = 0;
function sample(time: string, volume: string, fields: Partial<Sample> = {}): Sample {
  return {
    ...{ messageId: `message-${(count += 1)}`, source: 'openstack', meter: 'cpu', type: 'cumulative', unit: 'ns' },
    ...{ volume, userId: 'u', projectId: 'p', resourceId: 'web-1', timestamp: day(time), publisherId: null },
    ...{ sequence: null, epoch: 'run-1', text: '{}' },
    ...fields,
  };
}

function figures(samples: readonly Sample[], fields: Partial<StatisticsQuery> = {}) {
  const statistics = new Statistics({ ...query, ...fields });
  for (const one of samples) statistics.add(one);
  return statistics.finish();
}

const values = (samples: readonly Sample[], fields: Partial<StatisticsQuery> = {}) =>
  figures(samples, fields).figures.map(({ value }) => value);

it('use across a restart is the difference of each run plus the first reading of the next one', () => {
  const samples = [
    sample('1T01:00:00', '500'),
    sample('1T02:00:00', '800'),
    sample('1T03:00:00', '40', { epoch: 'run-2' }),
    sample('1T04:00:00', '100', { epoch: 'run-2' }),
  ];
  const [first] = figures(samples).figures;
  expect(first).toMatchObject({
    value: '400',
    unit: 'ns',
    opening: '500',
    apportioned: '0',
    samples: 4,
    epochs: 2,
  });
});

it('a count that falls within a run started again, also in messages without an epoch', () => {
  const samples = ['10', '15', '3', '4'].map((volume, at) => sample(`1T0${at}:00:00`, volume, { epoch: null }));
  expect(figures(samples).figures[0]).toMatchObject({ value: '9', epochs: 2 });
});

it('interleaved runs, as while an instance migrates, are counted separately', () => {
  const samples = [
    sample('1T01:00:00', '10', { epoch: 'a' }),
    sample('1T02:00:00', '5', { epoch: 'b' }),
    sample('1T03:00:00', '12', { epoch: 'a' }),
    sample('1T04:00:00', '7', { epoch: 'b' }),
  ];
  expect(values(samples)[0]).toBe('9');
});

it('a total over devices continues if a device is removed and returns', () => {
  const device = (name: string) => ({
    resourceId: `web-1-${name}`,
    meter: 'disk.device.read.bytes',
    unit: 'B',
    epoch: 'r',
  });
  const samples = [
    sample('1T01:00:00', '1000', device('vda')),
    sample('1T01:00:00', '0', device('vdb')),
    sample('1T02:00:00', '1100', device('vda')),
    sample('1T02:00:00', '70', device('vdb')),
    // vdb is removed, and attached again.
    sample('1T03:00:00', '1200', device('vda')),
    sample('1T04:00:00', '1300', device('vda')),
    sample('1T04:00:00', '5', { ...device('vdb'), epoch: 'r+1' }),
  ];
  const metadata = (_: Sample, key: string) => (key === 'instance_id' ? 'web-1' : null);
  const {
    figures: [figure],
  } = figures(samples, { groupBy: ['instance'], metadata });
  expect(figure).toMatchObject({ value: '375', opening: '1000', series: 2, group: { instance: 'web-1' } });
});

it('use between readings on either side of midnight is divided by time, in whole units', () => {
  const samples = [sample('1T23:00:00', '0'), sample('2T02:00:00', '10')];
  const { figures: rows, totals } = figures(samples);
  expect(rows.map(({ value, apportioned }) => [value, apportioned])).toEqual([
    ['3', '3'],
    ['7', '7'],
  ]);
  expect(totals).toMatchObject([{ value: '10', apportioned: '0', group: {}, partial: false }]);
});

it('a missing figure is null, and no use is 0', () => {
  const samples = [sample('1T01:00:00', '7'), sample('1T02:00:00', '7')];
  expect(values(samples)).toEqual(['0', null]);
  const { coverage } = figures([...samples]).figures[1] ?? {};
  expect(coverage).toEqual({
    ...{ measured: '0', bridged: '0', missing: '86400' },
    gaps: [{ start: day('2T00:00:00'), end: day('3T00:00:00'), kind: 'missing', reason: 'no-reading' }],
  });
});

it('coverage states what is measured, bridged and missing, and why', () => {
  const samples = ['1T01:00:00', '1T01:10:00', '1T03:10:00', '1T03:20:00'].map((time) => sample(time, '1'));
  const gap = (start: string, end: string, kind: string, reason: string) => ({
    ...{ start: day(start), end: day(end), kind, reason },
  });
  expect(figures(samples).figures[0]?.coverage).toEqual({
    ...{ measured: '1200', bridged: '7200', missing: '78000' },
    gaps: [
      gap('1T00:00:00', '1T01:00:00', 'missing', 'before-first-reading'),
      gap('1T01:10:00', '1T03:10:00', 'bridged', 'further-apart'),
      gap('1T03:20:00', '2T00:00:00', 'missing', 'after-last-reading'),
    ],
  });
});

const memory = { meter: 'memory', type: 'gauge', unit: 'GiB', epoch: null } as const;

it('a gauge is weighted by time, and each reading holds until the next one', () => {
  const samples = [
    sample('1T06:00:00', '2', memory),
    sample('1T18:00:00', '8', memory),
    sample('2T06:00:00', '4', memory),
  ];
  const functions = ['amount', 'average', 'min', 'max', 'last', 'p50', 'p75', 'count'] as const;
  const { figures: rows } = figures(samples, { functions });
  const of = (from: number) =>
    rows.slice(from, from + functions.length).map(({ value, unit }) => `${value} ${unit}`);
  expect(of(0)).toEqual(['72 GiB·h', '4 GiB', '2 GiB', '8 GiB', '8 GiB', '2 GiB', '8 GiB', '2 sample']);
  expect(of(8)).toEqual(['48 GiB·h', '8 GiB', '4 GiB', '8 GiB', '4 GiB', '8 GiB', '8 GiB', '1 sample']);
});

it('a reading holds at most for the configured time', () => {
  const samples = [sample('1T06:00:00', '2', memory), sample('1T18:00:00', '8', memory)];
  const hour = 3_600_000_000_000n;
  const [figure] = figures(samples, { hold: hour, usual: 2n * hour }).figures;
  expect(figure).toMatchObject({ value: '10', coverage: { measured: '7200', bridged: '0', missing: '79200' } });
  expect(figure?.coverage.gaps.map(({ reason }) => reason)).toEqual([
    'before-first-reading',
    'no-longer-held',
    'after-last-reading',
  ]);
});

it('a quotient that is not a decimal has its fraction, and how it was rounded', () => {
  const samples = [sample('1T06:00:00', '1', memory), sample('1T06:20:00', '1', memory)];
  expect(figures(samples).figures[0]).toMatchObject({
    value: `0.${'3'.repeat(31)}`,
    rounding: { digits: 31, mode: 'half-even' },
    fraction: '1/3',
  });
});

it('deltas are added up, and their sum is 0 between two of them', () => {
  const bytes = { meter: 'storage.objects.incoming.bytes', type: 'delta', unit: 'B', epoch: null } as const;
  const samples = [
    sample('1T06:00:00', '5', bytes),
    sample('1T07:00:00', '6', bytes),
    sample('2T06:00:00', '7', bytes),
  ];
  const { figures: rows } = figures(samples, { functions: ['sum', 'count'] });
  expect(rows.map(({ value }) => value)).toEqual(['11', '2', '7', '1']);
  const between = figures([samples[0], samples[2]] as Sample[], {
    start: day('1T12:00:00'),
    end: day('1T18:00:00'),
  });
  expect(between.figures.map(({ value }) => value)).toEqual(['0']);
});

it('figures are divided by the project that each reading names', () => {
  const moved = (projectId: string) => ({ projectId });
  const samples = [
    sample('1T01:00:00', '100', moved('old')),
    sample('1T02:00:00', '110', moved('old')),
    sample('1T03:00:00', '130', moved('new')),
    sample('1T04:00:00', '170', moved('old')),
  ];
  const { figures: rows } = figures(samples, { groupBy: ['project'], period: undefined });
  expect(rows.map(({ group, value, opening }) => [group.project, value, opening])).toEqual([
    ['new', '20', null],
    ['old', '50', '100'],
  ]);
  // Use by another project does not belong to the requested one.
  expect(values(samples, { of: ({ projectId }) => projectId === 'old', period: undefined })).toEqual(['50']);
});

it('use before and after the range is not included', () => {
  const samples = [
    sample('1T01:00:00', '5'),
    sample('1T02:00:00', '10', { epoch: 'run-2' }),
    sample('2T01:00:00', '33', { epoch: 'run-2' }),
    sample('3T01:00:00', '81', { epoch: 'run-2' }),
    sample('4T01:00:00', '1000', { epoch: 'run-2' }),
  ];
  const [figure] = figures(samples, { start: day('2T01:00:00'), period: undefined }).figures;
  expect(figure).toMatchObject({ value: '46', apportioned: '46', opening: null, samples: 1, epochs: 1 });
});

it('reports until what time samples are needed', () => {
  const statistics = new Statistics(query);
  expect(statistics.needs(day('3T05:00:00'))).toBe(false);
  statistics.add(sample('1T01:00:00', '1'));
  expect(statistics.needs(day('3T05:00:00'))).toBe(true);
  statistics.add(sample('3T01:00:00', '1'));
  // Another sample of the same time may be the one that counts.
  expect([statistics.needs(day('3T01:00:00')), statistics.needs(day('3T05:00:00'))]).toEqual([true, false]);
});

it('series may be added one after another', () => {
  const statistics = new Statistics({ ...query, period: undefined });
  for (const resourceId of ['web-1', 'web-2']) {
    statistics.add(sample('1T01:00:00', '1', { resourceId }));
    statistics.add(sample('1T02:00:00', '3', { resourceId }));
    statistics.endSeries();
    expect(statistics.needs(day('3T05:00:00'))).toBe(false);
  }
  expect(statistics.finish().figures).toMatchObject([{ value: '4', series: 2 }]);
});

it('rounded figures add up to the rounded total', () => {
  const samples = ['a', 'b', 'c'].flatMap((resourceId) => [
    sample('1T06:00:00', '1', { ...memory, resourceId }),
    sample('1T06:20:00', '1', { ...memory, resourceId }),
  ]);
  const rounding = { digits: 1, mode: 'half-even' } as const;
  const { figures: rows, totals } = figures(samples, { rounding, groupBy: ['resource'], period: undefined });
  expect(rows.map(({ value }) => value)).toEqual(['0.4', '0.3', '0.3']);
  expect(totals).toMatchObject([{ value: '1.0', rounding, fraction: '1/1' }]);
});

it('there is one total for each type and unit, and for each meter if they are grouped by meter', () => {
  const samples = [sample('1T01:00:00', '1'), sample('1T02:00:00', '2'), sample('1T01:00:00', '2', memory)];
  const { totals } = figures(samples, { groupBy: ['meter'] });
  expect(totals.map(({ group, function: name, value }) => [group, name, value])).toEqual([
    [{ meter: 'cpu', source: 'openstack' }, 'use', '1'],
    [{ meter: 'memory', source: 'openstack' }, 'amount', null],
  ]);
});

it('samples of another source change no figure, total, opening or coverage of a source', () => {
  const own = [
    ...[sample('1T01:00:00', '500'), sample('1T03:00:00', '800')],
    ...[sample('1T01:00:00', '2', memory), sample('1T05:00:00', '2', memory)],
  ];
  const posted = [
    ...[sample('1T02:00:00', '-31000', { source: 'p:openstack' }), sample('1T02:30:00', '7', { source: 'p:b' })],
    ...['1T02:00:00', '1T06:00:00'].map((time) => sample(time, '-1500', { ...memory, source: 'p:openstack' })),
  ];
  const rounding = { digits: 0, mode: 'half-even' } as const;
  for (const fields of [{}, { functions: 'every' }, { rounding }] as const) {
    const asked = { ...fields, groupBy: ['meter', 'source', 'type'] } as const;
    const [alone, both] = [figures(own, asked), figures([...own, ...posted], asked)];
    for (const key of ['figures', 'totals'] as const) {
      expect(both[key].filter(({ group }) => group.source === 'openstack')).toEqual(alone[key]);
      expect(new Set(both[key].map(({ group }) => group.source))).toEqual(
        new Set(['openstack', 'p:openstack', 'p:b']),
      );
    }
  }
});

it('totals of sources are apart if groups have one source each, and say which', () => {
  const samples = ['a', 'b'].flatMap((name) => [
    sample('1T01:00:00', '1', { resourceId: name, source: name }),
    sample('1T02:00:00', '4', { resourceId: name, source: name }),
  ]);
  const { totals } = figures(samples, { groupBy: ['resource'] });
  expect(totals.map(({ group, value }) => [group, value])).toEqual([
    [{ source: 'a' }, '3'],
    [{ source: 'b' }, '3'],
  ]);
});

it('units and sources with any characters are not taken for others', () => {
  const samples = [
    sample('1T01:00:00', '1', { unit: 'a b', source: 'c' }),
    sample('1T02:00:00', '2', { unit: 'a b', source: 'c' }),
    sample('1T01:00:00', '1', { unit: 'a', source: 'b c' }),
    sample('1T02:00:00', '3', { unit: 'a', source: 'b c' }),
  ];
  expect(() => figures(samples)).toThrow(expect.objectContaining({ code: 'FIGURE_MIXED' }) as Error);
});

it.each([
  ['a sum of cumulative readings', [sample('1T01:00:00', '1')], ['sum'], 'Ask for use'],
  ['an average of cumulative readings', [sample('1T01:00:00', '1')], ['average'], 'Ask for use'],
  ['a percentile of a delta', [sample('1T01:00:00', '1', { type: 'delta' })], ['p95'], 'Ask for sum'],
  ['a sum of a gauge', [sample('1T01:00:00', '1', memory)], ['sum'], 'Ask for amount'],
  [
    'the last value of two series',
    ['a', 'b'].map((resourceId) => sample('1T01:00:00', '1', { ...memory, resourceId })),
    ['last'],
    'group by resource',
  ],
])('refuses %s and suggests an alternative', (_, samples, functions, advice) => {
  const ask = () => figures(samples, { functions: functions.map(functionOf) });
  expect(ask).toThrow(
    expect.objectContaining({ code: 'FUNCTION_REFUSED', message: expect.stringContaining(advice) as string }),
  );
});

it.each([
  ['units', { unit: 's' }],
  ['types', { type: 'delta' }],
  ['sources', { source: 'p:openstack' }],
])('refuses different %s in one figure, and accepts them in separate ones', (_, fields) => {
  const samples = [sample('1T01:00:00', '1'), sample('1T02:00:00', '1', { ...fields, resourceId: 'web-2' })];
  samples.push(sample('1T03:00:00', '1'), sample('1T04:00:00', '1', { ...fields, resourceId: 'web-2' }));
  expect(() => figures(samples)).toThrow(
    expect.objectContaining({
      code: 'FIGURE_MIXED',
      message: expect.stringContaining('cpu (cumulative, ns') as string,
    }),
  );
  expect(values(samples, { groupBy: ['resource'], period: undefined })).toHaveLength(2);
  expect(values(samples, { groupBy: ['type', 'unit', 'source'], period: undefined })).toHaveLength(2);
});

it('samples outside the range cause no error', () => {
  const before = sample('1T01:00:00', '1', { resourceId: 'old', unit: 's' });
  const samples = [sample('2T01:00:00', '1', memory), sample('2T02:00:00', '1', memory)];
  const fields = { start: day('2T00:00:00'), period: undefined, functions: ['average'] } as const;
  expect(values([before, ...samples], fields)).toEqual(['1']);
});

it('refuses unknown types, functions and groups', () => {
  const code = (name: string) => expect.objectContaining({ code: name }) as Error;
  expect(() => figures([sample('1T01:00:00', '1', { type: 'histogram' })])).toThrow(code('TYPE_UNKNOWN'));
  expect(() => functionOf('median')).toThrow(code('FUNCTION_UNKNOWN'));
  expect(() => functionOf('p101')).toThrow(code('FUNCTION_UNKNOWN'));
  expect(functionOf('p99.9')).toBe('p99.9');
  expect(() => groupKeyOf('toString')).toThrow(code('GROUP_UNKNOWN'));
  expect(groupKeyOf('metadata.flavor.name')).toBe('metadata.flavor.name');
  expect(() => figures([sample('1T01:00:00', '1')], { groupBy: ['instance'] })).toThrow(code('GROUP_UNKNOWN'));
});

it('refuses percentiles of too many values', () => {
  const cell = new Cell(true);
  const hold = (value: number) => cell.hold({ at: 0n, volume: { digits: BigInt(value), scale: 0 } }, 1n);
  for (let value = 0; value < 100_000; value += 1) hold(value);
  hold(99_999);
  expect(() => hold(100_000)).toThrow(expect.objectContaining({ code: 'PERCENTILES_TOO_LARGE' }) as Error);
});
