import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

import fc from 'fast-check';

import { sendableHeaders } from '../src/sendable-headers.js';

type Table = Record<string, unknown>;
const require = createRequire(import.meta.url);
// The library's own encoder, whose package does not export it.
const { encodeTable, decodeFields } = require(join(dirname(require.resolve('amqplib')), 'lib/codec.js')) as {
  encodeTable(buffer: Buffer, table: object, offset: number): number;
  decodeFields(fields: Buffer): Table;
};

/** The headers that arrive; throws if the library cannot encode them. */
function sent(headers: object): Table {
  const buffer = Buffer.alloc(65_536);
  const length = encodeTable(buffer, headers, 0);
  return decodeFields(buffer.subarray(4, length));
}

/** As the library decodes a table: by assignment, which sets the prototype for `__proto__`. */
const read = (entries: readonly (readonly [string, unknown])[]): Table => {
  const table: Table = {};
  for (const [name, value] of entries) table[name] = value;
  return table;
};

const headers = fc.letrec<{ value: unknown; table: Table }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.string({ unit: 'binary' }),
    fc.double(),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }).map(Number),
    fc.boolean(),
    fc.constant(null),
    fc.uint8Array().map((bytes) => Buffer.from(bytes)),
    fc.array(tie('value')),
    tie('table'),
  ),
  table: fc
    .array(
      fc.tuple(
        fc.oneof(
          fc.string({ unit: 'binary', maxLength: 300 }),
          fc.constantFrom('__proto__', 'toJSON', 'constructor', '!', 'value', 'places', 'digits', 'x-reason'),
        ),
        fc.oneof(tie('value'), fc.constantFrom('timestamp', 'decimal', 'double', 'int64', 'undefined')),
      ),
      { maxLength: 8 },
    )
    .map(read),
})).table;

it('keeps only what the library can encode, whatever the headers', () => {
  fc.assert(
    fc.property(headers, (given) => {
      const kept = sendableHeaders(given);
      expect(Object.keys(given)).toEqual(expect.arrayContaining(Object.keys(kept)));
      sent(kept);
    }),
    { numRuns: 2_000 },
  );
});

it.each<[string, unknown]>([
  ['no headers', undefined],
  ['a table of bytes as the prototype', read([['__proto__', Buffer.from('x')]])],
  ['a chain of such prototypes', read([['__proto__', read([['__proto__', Buffer.from('x')]])]])],
  ['a time beyond the range of dates', { at: { '!': 'timestamp', value: 2 ** 64 } }],
  ['an unknown type mark', { '!': 'no such type', value: 1 }],
  ['a name that is not UTF-8', { ['\ufffd'.repeat(200)]: 1 }],
  ['a value without an AMQP type', { a: undefined, b: [undefined], c: () => 1, d: 1n }],
])('makes headers sendable: %s', (_, given) => {
  expect(() => sent(sendableHeaders(given))).not.toThrow();
});

it('does not change common headers', () => {
  const usual = {
    text: 'é',
    bytes: Buffer.from([0, 255]),
    flag: false,
    nothing: null,
    small: -1,
    large: 2 ** 62,
    list: [1, 'a', [true]],
    table: {
      at: { '!': 'timestamp', value: 1_700_000_000 },
      cost: { '!': 'decimal', value: { places: 2, digits: 999 } },
    },
  };
  expect(sendableHeaders(usual)).toEqual(usual);
  expect(sent(sendableHeaders(usual))).toEqual(usual);
});

it('sends numbers that are not 64-bit integers as fractions', () => {
  const numbers = { a: 0.5, b: -1e300, c: 2 ** 50 + 0.5 };
  expect(sent(sendableHeaders(numbers))).toEqual(numbers);
  expect(sendableHeaders({ a: Number.NaN, b: -Infinity, c: [Infinity] })).toEqual({ c: [] });
});

it('omits what is too large, and keeps the rest', () => {
  const much = { first: 1, huge: 'x'.repeat(40_000), wide: '€'.repeat(20_000), last: 'y' };
  expect(sendableHeaders(much)).toEqual({ first: 1, last: 'y' });
  const many = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`header-${i}`, {}]));
  const kept = sent(sendableHeaders(many));
  expect(Object.keys(kept).length).toBeGreaterThan(1_000);
  let deep: unknown = 'bottom';
  for (let i = 0; i < 10_000; i++) deep = [deep];
  expect(Object.keys(sent(sendableHeaders({ deep, flat: 1 })))).toEqual(['deep', 'flat']);
});
