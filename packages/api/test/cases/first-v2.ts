import { at, casesOf, fault, text, time } from './world.js';

const { made, expect } = casesOf('first v2');
/** v2 of December 2012, whose paths nest. */
export const firstV2Cases = made;

// What there is, below what.
expect('GET /v2/projects', 200, at().is(['p1', 'p2', 'p3']));
expect('GET /v2/users', 200, at().is(['u1', 'u2', 'u3']));
expect('GET /v2/projects/meters', 200, at().count(5));
expect('GET /v2/projects/p2/meters', 200, at('[]', 'name').set('disk.size', 'net'));
expect('GET /v2/users/u1/meters', 200, at('[]', 'name').list('cpu'));
expect('GET /v2/resources/r1/meters', 200, at().only({ name: 'cpu', type: 'cumulative', project_id: 'p1' }));
expect('GET /v2/users/u2/resources', 200, at('[]', 'resource_id').set('r2', 'r3'));
expect('GET /v2/projects/p3/resources', 200, [
  at(0).like({ resource_id: 'a/b', project_id: 'p3', user_id: 'u3', timestamp: time('09:00:00') }),
  at(0, 'meter').is([{ counter_name: 'image', counter_type: 'gauge' }]),
]);
expect('GET /v2/sources/openstack/users', 200, at().is(['u1', 'u2', 'u3']));
expect('GET /v2/sources/openstack/projects/p1/resources', 200, at('[]', 'resource_id').set('r1', 'r3'));
expect('GET /v2/sources', 200, at().is([{ name: 'openstack', data: {} }]));
expect('GET /v2/sources/openstack', 200, at().is({ name: 'openstack', data: {} }));
// An unknown source is an error, below it too; other unknown ids are not.
expect('GET /v2/sources/other', 404, at('error_message').has('No source other'));
expect('GET /v2/sources/other/projects/p2/meters', 404, at('error_message').has('No source other'));
expect('GET /v2/projects/none/resources', 200, at().is([]));
expect('GET /v2/users/nobody/meters/cpu', 200, at().is([]));
// Samples.
expect('GET /v2/projects/p1/meters/cpu', 200, [
  at().count(3),
  at('[]', 'counter_type').set('cumulative'),
  at(0, 'message_signature').like({ $absent: true }),
]);
expect('GET /v2/projects/p1/resources/r3/meters/net', 200, at('[]', 'message_id').list('n1'));
expect('GET /v2/meters/cpu?start_timestamp=2012-07-02T10:42:00', 200, at('[]', 'message_id').set('c2', 'c3'));
expect(
  'GET /v2/meters/cpu?start_timestamp=2012-07-02T10:44:00&search_offset=2',
  200,
  at('[]', 'message_id').set('c2', 'c3'),
);
expect('GET /v2/resources/r2/meters/disk.size?end_timestamp=2012-07-02T12:00:00', 200, [
  at().count(1),
  at(0, 'timestamp').is('2012-07-02T10:00:00.250000'),
]);
expect('GET /v2/resources?start_timestamp=2012-07-02T12:00:00', 200, at('[]', 'resource_id').set('r2'));
// Figures.
expect('GET /v2/meters/cpu/duration', 200, [
  at('duration').is(60),
  at('start_timestamp').is('2012-07-02T10:40:00'),
]);
expect('GET /v2/resources/r1/meters/cpu/duration?end_timestamp=2012-07-02T10:41:30', 200, at('duration').is(0));
expect('GET /v2/projects/p1/resources/r1/meters/cpu/duration?start_timestamp=2013-01-01T00:00:00', 200, [
  at('duration').is(null),
  at('start_timestamp').is(null),
]);
expect('GET /v2/meters/net/volume/sum', 200, at('volume').is(150));
expect('GET /v2/projects/p2/meters/net/volume/sum', 200, at('volume').is(50));
expect('GET /v2/resources/r1/meters/cpu/volume/max', 200, at('volume').is(2));
// Ours: of that user, where it was of everybody.
expect('GET /v2/users/u1/meters/net/volume/sum', 200, at('volume').is(null));
expect('GET /v2/sources/openstack/projects/p1/meters/net/volume/max', 200, at('volume').is(100));
// What there is not.
for (const path of [
  '/v2/projects/p1',
  '/v2/users/u1',
  '/v2',
  '/v2/',
  '/v2/nothing',
  '/v2/meters/cpu/volume',
  '/v2/users/u1/users',
])
  expect(`GET ${path}`, 404);
expect('GET /v2/meters/cpu/volume/min', 404);
expect('DELETE /v2/projects/p1/meters', 405);
expect('GET /v2/meters/cpu/duration?start_timestamp=noon', 400, fault('invalid timestamp format'));
// XML.
const xml = { headers: { accept: 'application/xml' }, type: 'application/xml' };
expect('GET /v2/projects', 200, text('<result><item>p1</item><item>p2</item><item>p3</item></result>'), xml);
expect('GET /v2/meters/net/volume/sum', 200, text('<result><volume>150.0</volume></result>'), xml);
expect('GET /v2/meters/none/volume/sum', 200, text('<volume nil="true" />'), xml);
expect('GET /v2/sources', 200, text('<result><item><name>openstack</name><data /></item></result>'), xml);
expect('GET /v2/sources/none', 404, text('<faultstring>No source none</faultstring>'), xml);
