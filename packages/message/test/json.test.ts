import fc from 'fast-check';

import { JsonNumber, formatJson, isJsonObject, maxJsonDepth, parseJson } from '../src/json.js';
import type { JsonValue } from '../src/json.js';

const code = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    return (error as { code: string }).code;
  }
  return 'no error';
};

/** The result of JSON.parse, for values whose numbers fit into a double. */
function plain(value: JsonValue): unknown {
  if (value instanceof JsonNumber) return Number(value.text);
  if (isJsonObject(value)) return Object.fromEntries(Array.from(value, ([key, item]) => [key, plain(item)]));
  return Array.isArray(value) ? value.map(plain) : value;
}

describe('parseJson', () => {
  it('accepts what JSON.parse accepts, and formatJson writes it back', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), fc.constantFrom(0, 1, '\t'), (text, space) => {
        const value: unknown = JSON.parse(text);
        fc.pre(!/\p{Surrogate}/u.test(JSON.stringify(value)) && !/\\ud[89a-f]/.test(JSON.stringify(value)));
        const read = parseJson(JSON.stringify(value, null, space));
        expect(plain(read)).toEqual(value);
        expect(JSON.parse(formatJson(read))).toEqual(value);
      }),
    );
  });

  it('refuses what JSON.parse refuses', () => {
    fc.assert(
      fc.property(
        fc.json({ maxDepth: 3 }),
        fc.nat(),
        fc.constantFrom('', '"', ',', '}', ']', '0', '-', '.', 'e', '\\', '\u0000', '\u00a0', 'x'),
        (text, place, wrong) => {
          const at = place % (text.length + 1);
          const broken = text.slice(0, at) + wrong + text.slice(at + 1);
          let refused = false;
          try {
            JSON.parse(broken);
          } catch {
            refused = true;
          }
          if (refused) expect(code(() => parseJson(broken))).toBe('JSON_INVALID');
        },
      ),
      { numRuns: 2000 },
    );
  });

  it.each([
    '8292646586825371460',
    '1.0',
    '1.00',
    '1e-07',
    '-0',
    '-0.0',
    '1E+5',
    '1e999999999',
    '0.1'.padEnd(300, '1'),
  ])('keeps the number %s as written', (text) => {
    expect(parseJson(text)).toEqual(new JsonNumber(text));
    expect(formatJson(parseJson(`[${text}]`))).toBe(`[${text}]`);
  });

  it.each([
    'NaN',
    'Infinity',
    '-Infinity',
    '01',
    '1.',
    '.5',
    '+1',
    '-',
    '1e',
    '0x10',
    '1_000',
    'True',
    'nul',
    'undefined',
    '',
    ' ',
    '{',
    '[',
    '"',
    '"a',
    '"\\',
    '{"a"}',
    '{"a":}',
    '{"a":1,}',
    '[1,]',
    '[,1]',
    '{,}',
    '{a:1}',
    "{'a':1}",
    '1 2',
    '[1]]',
    '"\n"',
    '"\t"',
    '"\\x41"',
    '"\\u12"',
    '"\\u 123"',
    '\ufeff1',
    '\u00a01',
    '// 1',
    '"a\u0000"',
    '[1 2]',
    '{"a":1 "b":2}',
  ])('refuses %j', (text) => {
    expect(code(() => parseJson(text))).toBe('JSON_INVALID');
  });

  it.each(['{"a":1,"a":1}', '{"a":1,"\\u0061":2}', '{"x":{"":1,"":2}}', '{"__proto__":1,"__proto__":2}'])(
    'refuses a duplicate key in %s',
    (text) => {
      expect(() => parseJson(text)).toThrow(/stands in its object already/);
    },
  );

  it.each(['"\\ud83d"', '"\\ude42x"', '"\\ude42\\ud83d"', '{"\\ud800":1}', '"\ud83d"', '"a\ude42"'])(
    'refuses half a surrogate pair in %j',
    (text) => {
      expect(() => parseJson(text)).toThrow(/half a surrogate pair/);
    },
  );

  it('reads both halves of a surrogate pair, however they are written', () => {
    expect(parseJson('["\\ud83d\\ude42","🙂","\ud83d\\ude42"]')).toEqual(['🙂', '🙂', '🙂']);
  });

  it('gives no key a special meaning', () => {
    const value = parseJson('{"__proto__":{"polluted":true},"constructor":1,"2":0,"1":0,"toString":null}');
    expect(isJsonObject(value) && [...value.keys()]).toEqual(['__proto__', 'constructor', '2', '1', 'toString']);
    expect(Object.prototype).not.toHaveProperty('polluted');
  });

  it('limits the depth', () => {
    const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
    expect(formatJson(parseJson(nested(maxJsonDepth)))).toBe(nested(maxJsonDepth));
    expect(() => parseJson(nested(maxJsonDepth + 1))).toThrow(/more than 64/);
    expect(() => parseJson('{"a":'.repeat(1_000_000))).toThrow(/more than 64/);
    expect(() => parseJson('['.repeat(1_000_000))).toThrow(/more than 64/);
  });

  it('limits the length of a number', () => {
    expect(parseJson('1'.repeat(4300))).toBeInstanceOf(JsonNumber);
    expect(() => parseJson('1'.repeat(4301))).toThrow(/4300 characters/);
  });

  it('refuses an exponent with more digits than any quantity needs', () => {
    const number = `-1.5E+${'9'.repeat(40)}`;
    expect(parseJson(number)).toEqual(new JsonNumber(number));
    expect(() => parseJson(`[${number}9]`)).toThrow(/exponent of more than 40 digits at character 2$/);
  });

  it('refuses more values than allowed, counted at all levels, as soon as they are encountered', () => {
    expect(parseJson('{"a":[1,{"b":2}]}', 5)).toBeInstanceOf(Map);
    expect(() => parseJson('{"a":[1,{"b":2}]}', 4)).toThrow(/more than 4 values at character 14$/);
    expect(() => parseJson(`[${'[],'.repeat(1_000_000)}`, 100)).toThrow(/more than 100 values at character 299$/);
  });

  // They collide in V8's hash tables, whatever is around them: 48,000 blocked Node 20.19 for 17 s.
  it('refuses more than a thousand keys that consist of digits only, in one object or in several', () => {
    const member = (n: number) => `"${(n + 1) * 65_536}":0`;
    const members = Array.from({ length: 1_000 }, (_, n) => member(n));
    expect(parseJson(`{${members.join(',')}}`)).toHaveProperty('size', 1_000);
    const objects = members.map((one) => `{${one},"x1":0,"-1":0,"1x":0}`).join(',');
    expect(parseJson(`[${objects}]`)).toHaveLength(1_000);
    for (const text of [`{${members.join(',')},"7":0}`, `[${objects},{"\\u0037":0}]`])
      expect(() => parseJson(text)).toThrow(/more than 1000 keys that are digits alone/);
  });

  it('reports the position', () => {
    expect(() => parseJson('{"a": tru}')).toThrow('not JSON: "t" at character 7, where a value should be');
  });
});
