import { AnswerRefused } from '../src/answer-limits.js';
import { JsonScanner } from '../src/json-scanner.js';

const inOne = (text: string, key?: string) => {
  const scanner = new JsonScanner(key);
  scanner.push(Buffer.from(text));
  return scanner.end();
};
const byteByByte = (text: string, key?: string) => {
  const scanner = new JsonScanner(key);
  for (const byte of Buffer.from(text)) scanner.push(Uint8Array.of(byte));
  return scanner.end();
};

/** The texts of the items. */
const itemsOf = (text: string, key: string) => {
  const list = byteByByte(text, key);
  expect(list).toEqual(inOne(text, key));
  return list?.starts.map((start, index) => Buffer.from(text).subarray(start, list.ends[index]).toString());
};

const valid = [
  ...['{}', '[]', '0', '-0', '1.5e-3', '1E+2', 'true', 'false', 'null', '""', ' {"a" : [ 1 , 2 ] } \n'],
  ...['"\\u00e9\\n\\"\\\\ü"', '{"a":{"b":[[],{},"",null]},"":1}', '[-1.0,0.5,10]', '"[{]}"', '{"a":1,"a":2}'],
];
const invalid = [
  ...[
    '',
    ' ',
    '{',
    '[',
    '}',
    ']',
    '{]',
    '[}',
    '{"a"}',
    '{"a":}',
    '{"a":1,}',
    '[1,]',
    '[,1]',
    '{,}',
    '{"a" 1}',
    '{a:1}',
  ],
  ...[
    '01',
    '1.',
    '.5',
    '-',
    '+1',
    '1e',
    '1e+',
    '--1',
    '1.2.3',
    'tru',
    'nul',
    'truex',
    'True',
    'NaN',
    "'a'",
    '1 2',
  ],
  ...[
    '"',
    '"\\x"',
    '"\\u12g4"',
    '"a\nb"',
    '"\t"',
    '{} {}',
    '[1 2]',
    '{"a":1 "b":2}',
    '"\\',
    '\ufeff{}',
    '[1}',
    '{1:2}',
  ],
];

it.each(valid)('accepts %j as JSON.parse does', (text) => {
  JSON.parse(text);
  expect([inOne(text), byteByByte(text)]).toEqual([undefined, undefined]);
});

it.each(invalid)('refuses %j as JSON.parse does', (text) => {
  expect(() => JSON.parse(text) as unknown).toThrow();
  expect(() => inOne(text)).toThrow(AnswerRefused);
  expect(() => byteByByte(text)).toThrow(AnswerRefused);
});

it('accepts and refuses the same texts as JSON.parse after one byte was changed', () => {
  const text = '{"a": [1, -2.5e3, "x\\u0041\\n"], "b": {"c": null, "d": [true, {}]}}';
  const bytes = Array.from('{}[]:,"\\ 0e-.tn\u0001');
  let taken = 0;
  for (let at = 0; at < text.length; at += 1) {
    for (const byte of bytes) {
      const changed = text.slice(0, at) + byte + text.slice(at + 1);
      let isJson = true;
      try {
        JSON.parse(changed);
        taken += 1;
      } catch {
        isJson = false;
      }
      if (isJson) expect(byteByByte(changed)).toBeUndefined();
      else expect(() => byteByByte(changed)).toThrow(AnswerRefused);
    }
  }
  expect(taken).toBeGreaterThan(100);
});

it.each([
  ['images', '{"images": [{"id": 1}, {"a": ["}]", {}]}], "next": "x"}', ['{"id": 1}', '{"a": ["}]", {}]}']],
  ['images', '{"x": {"images": [{}]}, "images": []}', []],
  ['images', '{"x": {"images": [{}]}}', undefined],
  ['images', '{"images": {"images": [{}]}}', undefined],
  ['images', '{"images": null}', undefined],
  ['images', '[{"images": [{}]}]', undefined],
  ['images', '{"ximages": [{}], "image": [{}], "imagesx": [{}]}', undefined],
  ['', '[{"name": "a"},{"name": "ü"}]', ['{"name": "a"}', '{"name": "ü"}']],
  ['', '{"": [{}]}', undefined],
  ['', '[]', []],
])('finds the items of %j in %s', (key, text, items) => {
  expect(itemsOf(text, key)).toEqual(items);
});

const many = (count: number, text: string) => Array.from({ length: count }, () => text).join(',');
it.each([
  ['items that are not objects', '{"l":[1]}', 'an item in the list that is not an object'],
  ['two lists', '{"l":[],"l":[]}', 'the list twice'],
  ['too many items', `{"l":[${many(200_001, '{}')}]}`, 'more than 200000 items'],
  ['a large item', `{"l":[{"a":"${'x'.repeat(256 * 1024)}`, 'an item of more than 256 KiB'],
  ['many values in an item', `{"l":[{"a":[${many(5_000, '0')}`, 'an item with more than 5000 values'],
  [
    'much text beside the list',
    `{"l":[],"a":"${'x'.repeat(4 * 1024 * 1024)}`,
    'more than 4 MiB outside of the items of a list',
  ],
  ['nothing but blanks', ' '.repeat(4 * 1024 * 1024 + 1), 'more than 4 MiB outside of the items of a list'],
  ['many values beside it', `[${many(200_001, '0')}`, 'more than 200000 values outside of the items of a list'],
  [
    'many numeric keys',
    `{${Array.from({ length: 1_001 }, (_, key) => `"${key}":0`).join()}`,
    'an object with more than 1000 members',
  ],
  ['deep nesting', '['.repeat(65), 'more than 64 objects and arrays in one another'],
  ['a long number', `[-1${'0'.repeat(400)}`, 'a number of more than 400 characters'],
])('refuses %s before it ends', (_, text, message) => {
  const scanner = new JsonScanner('l');
  expect(() => scanner.push(Buffer.from(text))).toThrow(`the answer has ${message}`);
});
