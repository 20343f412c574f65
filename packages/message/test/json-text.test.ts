import fc from 'fast-check';

import { isNephoscopeError } from '@nephoscope/core';

import { formatJson } from '../src/index.js';

import { jsonItems, jsonMembers, jsonString } from '../src/json-text.js';
import { jsonObjects, jsonValues } from './values.js';

const blank = fc.stringMatching(/^[ \t\r\n]{0,2}$/);

it('splits any object into its keys and the texts of its values', () => {
  fc.assert(
    fc.property(jsonObjects, blank, (object, gap) => {
      const text = `${gap}{${[...object]
        .map(([key, value]) => `${gap}${JSON.stringify(key)}${gap}:${gap}${formatJson(value)}${gap}`)
        .join(',')}${object.size === 0 ? gap : ''}}${gap}`;
      expect([...jsonMembers(text)]).toEqual([...object].map(([key, value]) => [key, formatJson(value)]));
    }),
  );
});

it('splits any array into the texts of its items', () => {
  fc.assert(
    fc.property(fc.array(jsonValues, { maxLength: 6 }), blank, (values, gap) => {
      const text = `${gap}[${values.map((value) => `${gap}${formatJson(value)}${gap}`).join(',')}]${gap}`;
      expect([...jsonItems(text)]).toEqual(values.map(formatJson));
    }),
  );
});

it('does not parse values', () => {
  const deep = '['.repeat(200_000) + ']'.repeat(200_000);
  expect([...jsonItems(`[${deep}, {"a":1,"a":2}, 1.2.3, "\\ud800"]`)]).toEqual([
    deep,
    '{"a":1,"a":2}',
    '1.2.3',
    '"\\ud800"',
  ]);
});

it('refuses every beginning of a text as truncated, and never hangs or fails in another way', () => {
  const text = '{"a\\"\\\\": ["}", {"b": null}], "c": -1.5e-7, "d": "\\\\"}';
  expect([...jsonMembers(text).keys()]).toEqual(['a"\\', 'c', 'd']);
  for (let length = 0; length < text.length; length++)
    expect(() => jsonMembers(text.slice(0, length))).toThrow(expect.objectContaining({ code: 'JSON_INVALID' }));
});

it('refuses a truncated array before it returns the first item', () => {
  const text = '[1, {"a": [2]}, "]", 3]';
  expect([...jsonItems(text)]).toEqual(['1', '{"a": [2]}', '"]"', '3']);
  for (let length = 0; length < text.length; length++)
    expect(() => jsonItems(text.slice(0, length))).toThrow(expect.objectContaining({ code: 'JSON_INVALID' }));
  expect(() => jsonItems(`${text}]`)).toThrow(expect.objectContaining({ code: 'JSON_INVALID' }));
});

it('yields items one by one', () => {
  const [first] = jsonItems(`[${'1,'.repeat(99_999)}1]`);
  expect(first).toBe('1');
  const items = jsonItems('[1,2,3]')[Symbol.iterator]();
  expect([items.next(), items.next()].map(({ value }) => value as string)).toEqual(['1', '2']);
});

it('accepts any text or refuses it with an error code', () => {
  const pieces = fc.constantFrom('{', '}', '[', ']', '"', '\\', ':', ',', ' ', '1', 'null', '"a"', '"a":');
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
      for (const cut of [jsonMembers, jsonItems, jsonString]) {
        try {
          cut(parts.join(''));
        } catch (error) {
          expect(isNephoscopeError(error, 'JSON_INVALID')).toBe(true);
        }
      }
    }),
    { numRuns: 2_000 },
  );
});

it.each([
  ['a duplicate key', '{"a": 1, "\\u0061": 2}'],
  ['text after the end', '{} {}'],
  ['an additional comma', '{"a": 1,}'],
  ['a missing comma', '{"a": 1 "b": 2}'],
  ['a key that is not a string', '{a: 1}'],
])('refuses an object with %s', (_, text) => {
  expect(() => jsonMembers(text)).toThrow(expect.objectContaining({ code: 'JSON_INVALID' }));
});
