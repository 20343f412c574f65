import { JsonNumber, parseJson } from '../src/json.js';
import { valueAt } from '../src/value-at.js';

const metadata = parseJson(
  '{"a": 1, "b": {"c": "nested", "d.e": {"f": null}}, "g.h": {"i": "dotted"}, "g": {"h": {"i": "short", "j": "only here"}}}',
);

it.each([
  ['a', new JsonNumber('1')],
  ['b.c', 'nested'],
  ['b.d.e.f', null],
  ['g.h.i', 'dotted'],
  ['g.h.j', 'only here'],
])('finds %s', (path, value) => {
  expect(valueAt(metadata, path)).toEqual(value);
});

it.each(['', '.', 'z', 'a.', '.a', 'a.z', 'b.d', 'b.c.z', 'b.d.e.f.z'])("finds nothing at '%s'", (path) => {
  expect(valueAt(metadata, path)).toBeUndefined();
});

it.each(['"a"', '1', 'null', '["a"]'])('finds nothing in %s', (text) => {
  expect(valueAt(parseJson(text), 'a')).toBeUndefined();
});
