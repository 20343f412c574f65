import fc from 'fast-check';

import { metadataSpan } from '../src/metadata-span.js';

const slice = (text: string) => {
  const span = metadataSpan(text);
  return span === null ? null : text.slice(...span);
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

it('stays within any text, JSON or not', () => {
  const pieces = fc.constantFrom('{', '}', '[', ']', '"', '\\', ':', ',', '"resource_metadata"', ' ', '1');
  fc.assert(
    fc.property(fc.array(pieces), (parts) => {
      const text = parts.join('');
      const [start, end] = metadataSpan(text) ?? [0, 0];
      expect(text.slice(0, start) + text.slice(start, end) + text.slice(end)).toBe(text);
      expect(end).toBeLessThanOrEqual(text.length);
    }),
  );
});
