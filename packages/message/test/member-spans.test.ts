import fc from 'fast-check';

import { memberSpans } from '../src/json-text.js';

const slice = (text: string) => {
  const [span] = memberSpans(text, ['resource_metadata']);
  return span === undefined ? null : text.slice(span.start, span.end);
};

it.each([
  ['{"resource_metadata":{}}', '{}'],
  ['{ "resource_metadata" :\n{"a": [1.0, {"b": "}"}]} , "z": 1}', '{"a": [1.0, {"b": "}"}]}'],
  ['{"resource_metadata":null}', 'null'],
  ['{"resource_metadata": -1.5e-07 }', '-1.5e-07'],
  ['{"resource_metadata":"a\\\\\\"b","x":1}', '"a\\\\\\"b"'],
  ['{"a":"resource_metadata","resource_metadata":[]}', '[]'],
  ['{"a":{"resource_metadata":1},"b":["resource_metadata"],"resource_metadata":2}', '2'],
  ['{"a":"\\"resource_metadata\\":1","resource_metadata":2}', '2'],
  ['{"a":{"resource_metadata":1}}', null],
  ['["resource_metadata", 1]', null],
  ['"resource_metadata"', null],
  ['', null],
])('finds the metadata of %s', (text, expected) => {
  expect(slice(text)).toBe(expected);
});

it('finds the value in any message', () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string(), fc.jsonValue()),
      fc.jsonValue(),
      fc.nat(4),
      (others, metadata, indent) => {
        const text = JSON.stringify({ ...others, resource_metadata: metadata }, undefined, indent);
        expect(JSON.parse(slice(text) ?? 'nothing')).toEqual(JSON.parse(JSON.stringify(metadata)));
      },
    ),
  );
});

it('finds several members, in the order of the text', () => {
  const text = '{"b": 2, "a": {"b": 3}, "c": "x", "d": [1, {"a": 4}]}';
  const found = memberSpans(text, ['a', 'b', 'd', 'e']).map(({ key, start, end }) => [
    key,
    text.slice(start, end),
  ]);
  expect(found).toEqual([
    ['b', '2'],
    ['a', '{"b": 3}'],
    ['d', '[1, {"a": 4}]'],
  ]);
});

it('stays within the text, whether it is JSON or not', () => {
  const pieces = fc.constantFrom('{', '}', '[', ']', '"', '\\', ':', ',', '"resource_metadata"', ' ', '1');
  fc.assert(
    fc.property(fc.array(pieces), (parts) => {
      const text = parts.join('');
      let last = 0;
      for (const { start, end } of memberSpans(text, ['resource_metadata'])) {
        expect(start).toBeGreaterThanOrEqual(last);
        expect(end).toBeGreaterThanOrEqual(start);
        last = end;
      }
      expect(last).toBeLessThanOrEqual(text.length);
    }),
  );
});
