import { at, casesOf, fault, member, time } from './world.js';

const { made, expect } = casesOf('v1');
/** v1, of December 2012. */
export const v1Cases = made;

// Lists.
expect('GET /v1/meters', 200, [
  at('meters').count(5),
  at('meters', '[]', 'name').set('cpu', 'disk.size', 'net', 'instance:m1.tiny', 'image'),
]);
expect('GET /v1/resources/r2/meters', 200, at('meters', '[]', 'name').list('disk.size'));
expect('GET /v1/projects/p3/meters', 200, at('meters').only({ name: 'image', type: 'gauge', resource_id: 'a/b' }));
expect('GET /v1/sources/other/meters', 200, at('meters', '[]', 'resource_id').set('r2'));
expect('GET /v1/resources', 200, at('resources', '[]', 'resource_id').set('r1', 'r2', 'r3', 'r4', 'a/b'));
expect('GET /v1/users/u2/resources', 200, at('resources', '[]', 'resource_id').set('r2', 'r3'));
expect('GET /v1/projects/p3/resources', 200, [
  at('resources', 0).like({ resource_id: 'a/b', project_id: 'p3', user_id: 'u3', source: 'openstack' }),
  at('resources', 0, 'meter').is([{ counter_name: 'image', counter_type: 'gauge' }]),
  at('resources', 0, 'timestamp').is('2012-07-02T09:00:00.000000'),
]);
// Metadata as they were recorded, nested.
expect('GET /v1/projects/p1/meters/cpu?end_timestamp=2012-07-02T10:42:00', 200, [
  at('events').count(1),
  at('events', 0, 'resource_metadata', 'dict', 'deep').is({ x: 'y', 'd.o': 't' }),
  at('events', 0, 'resource_metadata', 'list').is(['x', 1]),
  at('events', 0, 'counter_unit').is('ns'),
]);
expect('GET /v1/users', 200, at('users').is(['u1', 'u2', 'u3']));
expect('GET /v1/projects', 200, at('projects').is(['p1', 'p2', 'p3']));
expect('GET /v1/sources/openstack/users', 200, at('users').is(['u1', 'u2', 'u3']));
expect('GET /v1/sources/other/projects', 200, at('projects').is(['p2']));
expect('GET /v1/sources/other', 200, at().is({}));
expect('GET /v1/sources/unknown', 200, at().is({}));
// Unknown ids are no errors.
expect('GET /v1/users/nobody/meters', 200, at('meters').is([]));
expect('GET /v1/sources/none/resources', 200, at('resources').is([]));
expect('GET /v1/resources/none/meters/cpu', 200, at('events').is([]));
expect('GET /v1/resources/none/meters/cpu/volume/sum', 200, at('volume').is(null));
// Ranges: the start included, the end excluded, an empty text is none.
const events = '/v1/resources/r1/meters/cpu';
expect(`GET ${events}?start_timestamp=2012-07-02T10:42:00`, 200, at('events', '[]', 'message_id').set('c2', 'c3'));
expect(`GET ${events}?end_timestamp=2012-07-02T11:40:00`, 200, at('events', '[]', 'message_id').set('c1', 'c2'));
expect(`GET ${events}?start_timestamp=&end_timestamp=`, 200, at('events').count(3));
expect(`GET ${events}?start_timestamp=2012-07-02%2010:41:00`, 200, at('events').count(2));
expect(`GET ${events}?start_timestamp=2012-07-02T12:41:00%2B02:00`, 200, at('events').count(2));
expect(
  'GET /v1/resources?end_timestamp=2012-07-02T10:00:00',
  200,
  at('resources', '[]', 'resource_id').set('a/b'),
);
// Figures.
expect(`GET ${events}/duration`, 200, [
  at('duration').is(60),
  at('start_timestamp').is('2012-07-02T10:40:00.000000'),
  at('end_timestamp').is(time('11:40:00')),
]);
expect(`GET ${events}/duration?start_timestamp=2012-07-02T10:41:30`, 200, at('duration').is(58));
expect(`GET ${events}/duration?start_timestamp=2012-07-02T10:41:00&search_offset=5`, 200, [
  at('duration').is(59),
  at('start_timestamp').is(time('10:41:00')),
]);
expect(`GET ${events}/volume/sum?search_offset=2&start_timestamp=2012-07-02T10:42:00`, 200, at('volume').is(5));
expect(`GET ${events}/volume/max`, 200, at('volume').is(2));
expect('GET /v1/projects/p2/meters/disk.size/volume/max', 200, at('volume').is(10));
expect('GET /v1/projects/p2/meters/disk.size/volume/sum', 200, at('volume').is(24.5));
// An extra argument is ignored.
expect('GET /v1/projects?colour=red', 200, at('projects').count(3));
// What there is not.
expect('GET /v1/users/u1/meters/cpu/volume/sum', 404);
expect('GET /v1/projects/p1/meters/cpu/duration', 404);
expect('GET /v1/resources/r1', 404);
expect('GET /v1/meters/cpu', 404);
expect('GET /v1/sources', 404);
expect('GET /v1/projects/p1/resources/r1/meters', 404);
expect('GET /v1', 404);
expect('POST /v1/meters', 405, fault('not allowed'));
// Ours: bad input is the fault of the client, not 500.
expect(`GET ${events}/duration?start_timestamp=noon`, 400, fault('invalid timestamp format'));
expect(`GET ${events}/duration?search_offset=many`, 400, fault('search_offset'));
// JSON whatever is accepted; a project sees its own.
expect('GET /v1/projects', 200, at('projects').count(3), {
  headers: { accept: 'text/html' },
  type: 'application/json',
});
expect('GET /v1/resources', 200, at('resources', '[]', 'resource_id').set('r1', 'r3'), { identity: member('p1') });
expect('GET /v1/projects/p2/meters/disk.size', 200, at('events').is([]), { identity: member('p1') });
expect('GET /v1/projects', 401, [], { identity: null });
