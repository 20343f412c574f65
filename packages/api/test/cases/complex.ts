import { at, casesOf, fault, member } from './world.js';
import type { Asking } from './world.js';

const { made, expect } = casesOf('complex');
/** `POST /v2/query/samples`. */
export const complexCases = made;

const ask = (body: unknown, status: number, checks: Parameters<typeof expect>[2], asking: Asking = {}) =>
  expect('POST /v2/query/samples', status, checks, { ...asking, body });
const found = (filter: unknown, ...ids: string[]) =>
  ask({ filter: JSON.stringify(filter) }, 200, at('[]', 'id').set(...ids));
const refused = (filter: unknown, message = 'Filter expression not valid') =>
  ask({ filter: typeof filter === 'string' ? filter : JSON.stringify(filter) }, 400, fault(message));
const ordered = (orderby: unknown, ...ids: string[]) =>
  ask({ filter: '{"=": {"meter": "cpu"}}', orderby: JSON.stringify(orderby) }, 200, at('[]', 'id').list(...ids));

ask({}, 200, [at().count(10), at(0, 'id').is('d3')]);
ask({ limit: 2 }, 200, at('[]', 'id').list('d3', 'd2'));
ask({ filter: '', orderby: null }, 200, at().count(10));
// Operators, in any case, by both names of each field.
found({ '=': { user: 'u1' } }, 'c1', 'c2', 'c3');
found({ '=': { counter_name: 'net' } }, 'n1', 'n2');
found({ '!=': { meter: 'cpu' } }, 'd1', 'd2', 'd3', 'n1', 'n2', 'i1', 's1');
found({ '!=': { project_id: 'p1' } }, 'd1', 'd2', 'd3', 'n2', 's1');
found({ '<': { volume: 2 } }, 'c1', 'i1');
found({ '<=': { counter_volume: 2 } }, 'c1', 'c2', 'c3', 'i1');
found({ '=<': { counter_volume: 1 } }, 'c1', 'i1');
found({ '>': { volume: 50 } }, 'n1', 's1');
found({ '=>': { volume: 50 } }, 'n1', 'n2', 's1');
found({ IN: { resource: ['r3', 'r4', 'none'] } }, 'n1', 'n2', 'i1');
found({ in: { 'metadata.n': [1, 5] } }, 'c2');
found({ '=': { type: 'delta' } }, 'n1', 'n2');
found({ '=': { unit: 'GiB' } }, 'd3');
found({ '=': { source: 'other' } }, 'd1', 'd2', 'd3');
found({ '=': { message_id: 'd2' } }, 'd2');
found({ '=~': { resource_id: '^r[12]$' } }, 'c1', 'c2', 'c3', 'd1', 'd2', 'd3');
found({ '=~': { meter: 'm1\\.' } }, 'i1');
found({ And: [{ '=': { user: 'u2' } }, { Not: { '=': { project: 'p1' } } }] }, 'd1', 'd2', 'd3', 'n2');
found(
  {
    or: [
      { '=': { user: 'u3' } },
      { and: [{ '=': { meter: 'cpu' } }, { '>': { timestamp: '2012-07-02T11:00' } }] },
    ],
  },
  's1',
  'c3',
);
// What is not there is unknown: neither it nor its opposite holds.
found({ not: { '=': { user: 'u1' } } }, 'd1', 'd2', 'd3', 'n1', 'n2', 's1');
found({ not: { '=': { 'metadata.tag': 'a' } } }, 'c2', 'c3');
found({ or: [{ '=': { 'metadata.none': 1 } }, { '=': { 'metadata.tag': 'b' } }] }, 'c2');
// Types of metadata.
found({ '=': { 'metadata.n': 1 } }, 'c2');
found({ '=': { 'metadata.n': '1' } }, 'c3');
found({ '=': { 'metadata.ok': true } }, 'c1');
found({ '>': { 'metadata.util': 0.6 } }, 'c1');
found({ '=': { 'resource_metadata.dict.deep.x': 'y' } }, 'c1');
// Times.
found({ '<': { timestamp: '2012-07-02T10:00:00' } }, 's1');
found({ '=': { timestamp: '2012-07-02T12:40:00+02:00' } }, 'c1');
refused({ '=': { timestamp: 'noon' } }, 'Failed to parse the timestamp value');
// Order.
ordered([{ volume: 'desc' }, { timestamp: 'ASC' }], 'c2', 'c3', 'c1');
ordered([{ timestamp: 'asc' }], 'c1', 'c2', 'c3');
ordered([{ counter_volume: 'Asc' }], 'c1', 'c3', 'c2');
// What is none.
for (const filter of ['{', '[]', '5', '"x"', '{"=": {"meter": "a"}, "!=": {"meter": "b"}}']) refused(filter);
refused({});
refused({ and: [{ '=': { meter: 'a' } }] });
refused({ and: { '=': { meter: 'a' } } });
refused({ xor: [] });
refused({ '=': { colour: 'red' } });
refused({ '=': { meter: 'a', user: 'b' } });
refused({ '=': { meter: ['a'] } });
refused({ in: { meter: [] } });
refused({ in: { meter: 'cpu' } });
refused({ '=~': { meter: '(' } });
for (const orderby of [
  '{',
  '{}',
  '[]',
  '[{}]',
  '[5]',
  '[{"meter": "up"}]',
  '[{"metadata.n": "asc"}]',
  '[{"a": "asc"}]',
  '[{"meter": "asc", "user": "asc"}]',
])
  ask({ orderby }, 400, fault('Order-by expression not valid'));
for (const limit of [0, -1]) ask({ limit }, 400, fault('Limit must be positive'));
for (const limit of [1.5, 'x', true]) ask({ limit }, 400, fault('limit'));
ask({ colour: 'red' }, 400, fault('Unknown argument: "colour"'));
ask([], 400, fault('dict'));
ask('{', 400, fault('JSON'));
expect('POST /v2/query/samples', 415, [], {
  body: 'limit=1',
  headers: { 'content-type': 'application/x-www-form-urlencoded' },
});
// A project sees its own, and may name no other, wherever.
ask({}, 200, at('[]', 'id').set('c1', 'c2', 'c3', 'n1'), { identity: member('p1') });
for (const filter of [
  { '=': { project_id: 'p2' } },
  { not: { '=': { project: 'p2' } } },
  { or: [{ '=': { meter: 'cpu' } }, { in: { project: ['p1', 'p2'] } }] },
])
  ask({ filter: JSON.stringify(filter) }, 401, fault('Not Authorized to access project p2'), {
    identity: member('p1'),
  });
