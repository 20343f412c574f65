import { at, casesOf, fault, time } from './world.js';

const { made, expect } = casesOf('statistics');
/** Statistics of v2. */
export const statisticsCases = made;

const from = (value: string, op = 'ge') => `q.field=timestamp&q.op=${op}&q.value=2012-07-02T${value}`;
const cpu = '/v2/meters/cpu/statistics';
const disk = '/v2/meters/disk.size/statistics';
const net = '/v2/meters/net/statistics';

expect(`GET ${cpu}`, 200, [
  at().only({
    ...{ unit: 'ns', min: 1, max: 2, sum: 5, count: 3, period: 0, groupby: null, duration: 3600 },
    ...{ duration_start: time('10:40:00'), duration_end: time('11:40:00') },
    ...{ period_start: time('10:40:00'), period_end: time('11:40:00') },
  }),
  at(0, 'avg').like({ $approx: 5 / 3, tolerance: 1e-9 }),
  at(0, 'aggregate').like({ $absent: true }),
]);
// One row for each unit.
expect(
  `GET ${disk}`,
  200,
  at().only({ unit: 'GB', sum: 17.5, count: 2 }, { unit: 'GiB', sum: 7, count: 1, duration: 0 }),
);
expect('GET /v2/meters/none/statistics', 200, at().is([]));
// The bounds clamp the duration.
expect(`GET ${cpu}?${from('10:41:00')}`, 200, at(0).like({ count: 2, duration_start: time('10:42:00') }));
expect(
  `GET ${cpu}?${from('10:42:00')}&q.field=search_offset&q.op=eq&q.value=2`,
  200,
  at(0).like({ count: 3, duration_start: time('10:42:00'), duration: 3480 }),
);
expect(
  `GET ${cpu}?${from('12:00:00')}&q.field=search_offset&q.op=eq&q.value=30`,
  200,
  at(0).like({ count: 1, duration: null, duration_start: null }),
);
// Periods. The last sample on the edge of one counts, a single sample too.
expect(
  `GET ${cpu}?period=3600`,
  200,
  at().only(
    { sum: 3, count: 2, period: 3600, period_start: time('10:40:00'), period_end: time('11:40:00') },
    { sum: 2, count: 1, period_start: time('11:40:00'), period_end: time('12:40:00') },
  ),
);
expect('GET /v2/meters/image/statistics?period=60', 200, at().only({ count: 1, sum: 1e16, period: 60 }));
expect(
  `GET ${cpu}?period=1800&${from('10:30:00')}`,
  200,
  at('[]', 'period_start').list('2012-07-02T10:30:00', '2012-07-02T11:30:00'),
);
expect(`GET ${cpu}?period=0`, 200, at(0).like({ period: 0, sum: 5 }));
for (const period of ['-1', 'x', '1.5', '99999999999999'])
  expect(`GET ${cpu}?period=${period}`, 400, fault('period'));
// Groups.
expect(
  `GET ${net}?groupby=project_id`,
  200,
  at().only({ groupby: { project_id: 'p1' }, sum: 100 }, { groupby: { project_id: 'p2' }, sum: 50 }),
);
expect(
  `GET ${net}?groupby=user_id&groupby=resource_id`,
  200,
  at().only({ groupby: { user_id: 'u2', resource_id: 'r3' }, count: 2 }),
);
expect(`GET ${net}?groupby=user_id&groupby=user_id`, 200, at().only({ groupby: { user_id: 'u2' } }));
expect(`GET ${disk}?groupby=source`, 200, at('[]', 'groupby', 'source').list('other', 'other'));
expect(
  `GET ${cpu}?groupby=resource_metadata.instance_type`,
  200,
  at('[]', 'groupby').set(
    { 'resource_metadata.instance_type': 'tiny' },
    { 'resource_metadata.instance_type': null },
  ),
);
expect(
  'GET /v2/meters/instance:m1.tiny/statistics?groupby=project_id',
  200,
  at(0, 'groupby').is({ project_id: null }),
);
for (const group of ['meter', 'metadata.tag', 'resource_metadata.tag', 'user'])
  expect(`GET ${cpu}?groupby=${group}`, 400, fault('Invalid groupby fields'));
// Chosen aggregates.
expect(
  `GET ${cpu}?aggregate.func=max`,
  200,
  at(0).like({ max: 2, aggregate: { max: 2 }, min: { $absent: true }, count: { $absent: true } }),
);
expect(
  `GET ${cpu}?aggregate.func=count&aggregate.func=sum`,
  200,
  at(0).like({ count: 3, sum: 5, aggregate: { count: 3, sum: 5 } }),
);
expect(`GET ${cpu}?aggregate.func=max&aggregate.func=max`, 200, at(0, 'aggregate').is({ max: 2 }));
expect(
  `GET ${net}?aggregate.func=stddev`,
  200,
  at(0).like({ aggregate: { stddev: 25 }, stddev: { $absent: true } }),
);
for (const [param, count] of [
  ['project_id', 2],
  ['user_id', 1],
  ['resource_id', 1],
  ['source', 1],
] as const)
  expect(
    `GET ${net}?aggregate.func=cardinality&aggregate.param=${param}`,
    200,
    at(0, 'aggregate').is({ [`cardinality/${param}`]: count }),
  );
expect(`GET ${cpu}?aggregate.func=median`, 400, fault('Invalid aggregation function: median'));
expect(
  `GET ${cpu}?aggregate.func=cardinality&aggregate.param=meter`,
  400,
  fault('Bad aggregate: cardinality.meter'),
);
expect(`GET ${cpu}?aggregate.func=cardinality`, 400, fault('Bad aggregate: cardinality'));
