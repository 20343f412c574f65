import { at, casesOf, fault, member, time } from './world.js';

const { made, expect } = casesOf('last v2');
/** v2 as it was until October 2017: simple queries. */
export const lastV2Cases = made;

const q = (field: string, value: string, op = '', type = '') =>
  `q.field=${field}&q.op=${op}&q.value=${encodeURIComponent(value)}&q.type=${type}`;
const ids = (...all: string[]) => at('[]', 'id').set(...all);

// Samples by each field, by both names of it.
expect('GET /v2/samples', 200, [at().count(10), at(0, 'id').is('d3'), at(9, 'id').is('s1')]);
for (const name of ['user', 'user_id']) expect(`GET /v2/samples?${q(name, 'u1')}`, 200, ids('c1', 'c2', 'c3'));
for (const name of ['project', 'project_id'])
  expect(`GET /v2/samples?${q(name, 'p2')}`, 200, ids('d1', 'd2', 'd3', 'n2'));
for (const name of ['resource', 'resource_id']) expect(`GET /v2/samples?${q(name, 'r3')}`, 200, ids('n1', 'n2'));
expect(`GET /v2/samples?${q('source', 'other')}`, 200, ids('d1', 'd2', 'd3'));
expect(`GET /v2/samples?${q('meter', 'instance:m1.tiny')}`, 200, ids('i1'));
expect(`GET /v2/samples?${q('message_id', 'n2')}`, 200, ids('n2'));
expect(`GET /v2/samples?${q('project_id', 'None')}`, 200, ids('i1'));
expect(`GET /v2/samples?${q('user_id', 'None')}&${q('meter', 'instance:m1.tiny')}`, 200, ids('i1'));
expect(`GET /v2/samples?${q('project_id', 'p2')}&${q('meter', 'net')}`, 200, ids('n2'));
expect(`GET /v2/samples?${q('project_id', 'p1')}&${q('project_id', 'p2')}`, 200, at().is([]));
expect('GET /v2/samples?q[0].field=meter&q[0].value=net&q[1].field=project&q[1].value=p1', 200, ids('n1'));
expect('GET /v2/samples?q.field=meter', 200, at().count(10));
// Time.
const cpuAt = (op: string, value: string) => `GET /v2/meters/cpu?${q('timestamp', value, op)}`;
const messages = (...all: string[]) => at('[]', 'message_id').list(...all);
expect(cpuAt('gt', '2012-07-02T10:42:00'), 200, messages('c3'));
expect(cpuAt('ge', '2012-07-02T10:42:00'), 200, messages('c3', 'c2'));
expect(cpuAt('lt', '2012-07-02T10:42:00'), 200, messages('c1'));
expect(cpuAt('le', '2012-07-02T10:42:00'), 200, messages('c2', 'c1'));
expect(cpuAt('ge', '2012-07-02'), 200, at().count(3));
expect(cpuAt('ge', '2012-07-02T10:42'), 200, messages('c3', 'c2'));
expect(cpuAt('ge', '2012-07-02T12:42:00+02:00'), 200, messages('c3', 'c2'));
expect(cpuAt('ge', '20120702T104200Z'), 200, messages('c3', 'c2'));
expect(`${cpuAt('ge', '2012-07-02')}&${q('timestamp', '2012-07-02T11:00', 'ge')}`, 200, messages('c3'));
for (const op of ['eq', 'ne', '']) expect(cpuAt(op, '2012-07-02'), 400, fault('Possible: lt, le, gt, ge'));
expect(cpuAt('ge', 'yesterday'), 400, fault('invalid timestamp format'));
expect(`${cpuAt('ge', '2012-07-02T11:42:00')}&${q('search_offset', '60')}`, 200, messages('c3', 'c2'));
expect(
  `GET /v2/meters/cpu?${q('search_offset', '60')}`,
  400,
  fault('search_offset cannot be used without timestamp'),
);
// Metadata, by type.
const cpuWith = (field: string, value: string, type = '') => `GET /v2/meters/cpu?${q(field, value, 'eq', type)}`;
for (const name of ['metadata.tag', 'resource_metadata.tag']) expect(cpuWith(name, 'b'), 200, messages('c2'));
expect(cpuWith('metadata.n', '1'), 200, messages('c2'));
expect(cpuWith('metadata.n', '1', 'integer'), 200, messages('c2'));
expect(cpuWith('metadata.n', '1', 'string'), 200, messages('c3'));
expect(cpuWith('metadata.n', "'1'"), 200, messages('c3'));
expect(cpuWith('metadata.util', '0.75'), 200, messages('c1'));
expect(cpuWith('metadata.util', '0.5', 'float'), 200, messages('c2'));
expect(cpuWith('metadata.util', '0.5', 'string'), 200, at().is([]));
expect(cpuWith('metadata.ok', 'True'), 200, messages('c1'));
for (const no of ['no', '0', 'F', 'off']) expect(cpuWith('metadata.ok', no, 'boolean'), 200, messages('c2'));
expect(cpuWith('metadata.at', '2012-07-02T10:00', 'datetime'), 200, messages('c2'));
expect(cpuWith('metadata.dict.key', 'v'), 200, messages('c1'));
expect(cpuWith('metadata.dict.deep.x', 'y'), 200, messages('c1'));
expect(cpuWith('metadata.nothing', 'y'), 200, at().is([]));
expect(cpuWith('metadata.n', 'one', 'integer'), 400, fault('to the expected data type integer'));
expect(cpuWith('metadata.n', 'maybe', 'boolean'), 400, fault('to the expected data type boolean'));
expect(cpuWith('metadata.n', '1', 'decimal'), 400, fault('The data type is not supported'));
for (const op of ['ne', 'lt', 'le', 'gt', 'ge'])
  expect(`GET /v2/samples?${q('metadata.n', '1', op)}`, 400, fault('Unimplemented operator'));
for (const field of ['user_id', 'project', 'resource_id', 'source', 'meter', 'message_id'])
  expect(`GET /v2/samples?${q(field, 'x', 'ne')}`, 400, fault('Unimplemented operator'));
expect(`GET /v2/samples?${q('meter', 'x', 'like')}`, 400, fault("Value: 'like'"));
expect(
  `GET /v2/samples?${q('colour', 'red')}`,
  400,
  fault('Unknown argument: "colour": unrecognized field in query'),
);
expect('GET /v2/samples?q.value=1', 400);
// How replies look.
expect('GET /v2/samples/c1', 200, [
  at().like({
    id: 'c1',
    meter: 'cpu',
    type: 'cumulative',
    unit: 'ns',
    volume: 1,
    resource_id: 'r1',
    source: 'openstack',
  }),
  at('metadata').is({
    ...{ tag: 'a', util: '0.75', n: '0', ok: 'True', none: 'None', list: "['x', 1]", instance_type: 'tiny' },
    ...{ 'dict.key': 'v', 'dict.deep:x': 'y', 'dict.deep:d:o': 't' },
  }),
  at('timestamp').is('2012-07-02T10:40:00'),
]);
expect('GET /v2/samples/none', 404, fault('Sample none Not Found'));
expect('GET /v2/meters/disk.size', 200, [
  at('[]', 'counter_unit').list('GiB', 'GB', 'GB'),
  at(2).like({ counter_volume: 10, timestamp: '2012-07-02T10:00:00.250000', user_id: 'u2' }),
]);
expect('GET /v2/meters/none', 200, at().is([]));
// Limits and arguments.
expect('GET /v2/samples?limit=2', 200, at().count(2));
for (const limit of [0, -1]) expect(`GET /v2/samples?limit=${limit}`, 400, fault('Limit must be positive'));
expect('GET /v2/meters?limit=0', 400);
expect('GET /v2/resources?limit=0', 400);
expect('GET /v2/meters/cpu/statistics?limit=1', 400, fault('Unknown argument: "limit"'));
expect('GET /v2/samples?colour=red', 400, fault('Unknown argument: "colour"'));
expect('GET /v2/samples/', 200, at().count(10));
// Meters.
expect('GET /v2/meters', 200, [at().count(6), at('[]', 'unit').set('ns', 'GB', 'GiB', 'B', 'instance', 'image')]);
expect(`GET /v2/meters?${q('project', 'p1')}`, 200, at('[]', 'name').list('cpu'));
expect(`GET /v2/meters?${q('project', 'p2')}`, 200, at('[]', 'name').set('disk.size', 'net'));
expect(`GET /v2/meters?${q('metadata.tag', 'c')}`, 200, at('[]', 'name').list('cpu'));
expect(`GET /v2/meters?${q('resource', 'r2')}&unique=True`, 200, [
  at('[]', 'unit').set('GB', 'GiB'),
  at('[]', 'resource_id').set(null),
]);
expect('GET /v2/meters?unique=maybe', 400);
expect(`GET /v2/meters?${q('timestamp', '2012-07-02', 'gt')}`, 400, fault('not valid for this resource'));
expect(`GET /v2/meters?${q('search_offset', '5')}`, 400, fault('not valid for this resource'));
// Resources.
expect('GET /v2/resources', 200, at('[]', 'resource_id').set('r1', 'r2', 'r3', 'r4', 'a/b'));
expect('GET /v2/resources/r1', 200, [
  at().like({ project_id: 'p1', user_id: 'u1', source: 'openstack' }),
  at().like({
    first_sample_timestamp: { $not_later: '2012-07-02T10:40:00' },
    last_sample_timestamp: time('11:40:00'),
  }),
  at('metadata').is({ tag: 'c', n: '1', instance_type: 'tiny' }),
  at('links', '[]', 'rel').list('self', 'cpu'),
]);
expect('GET /v2/resources/r3', 200, at('project_id').is('p2'));
expect('GET /v2/resources/a%252Fb', 200, at('resource_id').is('a/b'));
expect('GET /v2/resources/none', 404, fault('Resource none Not Found'));
expect('GET /v2/resources?meter_links=0', 200, at(0, 'links').count(1));
expect('GET /v2/resources?meter_links=x', 400);
expect(`GET /v2/resources?${q('timestamp', '2012-07-02T12:00', 'ge')}`, 200, at('[]', 'resource_id').list('r2'));
expect(`GET /v2/resources?${q('meter', 'cpu')}`, 400, fault('Unknown argument: "meter"'));
// What was given to other services, and what there never was.
for (const path of ['/v2/alarms', '/v2/alarms/1/state', '/v2/query/alarms'])
  expect(`GET ${path}`, 410, fault('Aodh'));
expect('POST /v2/query/alarms/history', 410, fault('Aodh'), { body: {} });
for (const path of ['/v2/events', '/v2/events/1', '/v2/event_types', '/v2/event_types/a/traits'])
  expect(`GET ${path}`, 404, fault('Panko'));
expect('GET /v2/query/samples', 405);
expect('HEAD /v2/samples', 405);
expect('PUT /v2/samples', 405);
expect('GET /v2/invalid/path', 404);
// What there is.
expect('GET /', 200, [
  at('versions', 'values', 0, 'id').is('v2'),
  at('versions', 'values', 0, 'status').is('stable'),
  at('versions', 'values', 0, 'links', '[]', 'rel').list('self', 'describedby'),
  at('versions', 'values', 0, 'media-types', '[]', 'base').list('application/json', 'application/xml'),
]);
expect('GET /v2/capabilities', 200, [
  at('api', 'samples:query:complex').is(true),
  at('api', 'statistics:aggregation:selectable:cardinality').is(true),
  at('storage', 'storage:production_ready').is(true),
]);
// Who sees what.
expect('GET /v2/samples', 200, ids('c1', 'c2', 'c3', 'n1'), { identity: member('p1') });
expect('GET /v2/samples/d1', 404, fault('Sample d1 Not Found'), { identity: member('p1') });
expect('GET /v2/resources/r2', 404, fault('Resource r2 Not Found'), { identity: member('p1') });
expect(`GET /v2/samples?${q('project', 'p2')}`, 401, fault('Not Authorized to access project p2'), {
  identity: member('p1'),
});
expect(`GET /v2/samples?${q('project', 'p1')}`, 200, at().count(4), { identity: member('p1') });
expect('GET /v2/meters/disk.size/statistics', 200, at().is([]), { identity: member('p1') });
expect('GET /v2/samples', 401, [], { identity: null });
