import fc from 'fast-check';

import {
  encodeMeteringBatch,
  maxMeteringLineBytes,
  MeteringBatch,
  meteringRoutingKey,
  splitMeteringBatch,
} from '../src/index.js';

function bodiesOf(lines: readonly string[]) {
  const batch = new MeteringBatch();
  for (const line of lines) batch.add(line);
  return batch.bodies();
}

const linesOf = (bodies: ReturnType<typeof bodiesOf>) =>
  bodies.flatMap(({ bytes }) => [...splitMeteringBatch(bytes)]);

describe('a batch', () => {
  it('returns its lines', () => {
    const lines = fc.array(
      fc.string({ unit: 'binary', minLength: 1 }).map((line) => line.replaceAll('\n', ' ')),
      { minLength: 1 },
    );
    fc.assert(
      fc.property(lines, (given) => {
        expect(linesOf(bodiesOf(given))).toEqual(given);
        expect([...splitMeteringBatch(encodeMeteringBatch(given))]).toEqual(given);
      }),
    );
  });

  it('is split into bodies of at most 127 KiB, with a longer line on its own', () => {
    const line = fc.integer({ min: 1, max: 150_000 }).map((length) => 'é'.repeat(length));
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), (given) => {
        const bodies = bodiesOf(given);
        expect(linesOf(bodies)).toEqual(given);
        for (const { bytes, lines } of bodies) {
          expect([...splitMeteringBatch(bytes)]).toHaveLength(lines);
          expect(bytes.length <= 127 * 1024 || lines === 1).toBe(true);
        }
        // No two neighbouring bodies would have fitted into one.
        for (const [index, { bytes }] of bodies.slice(1).entries()) {
          expect((bodies[index]?.bytes.length ?? 0) + bytes.length).toBeGreaterThan(127 * 1024);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('accepts more lines after its bodies were read', () => {
    const batch = new MeteringBatch();
    expect(batch.bodies()).toEqual([]);
    batch.add('one');
    expect(linesOf(batch.bodies())).toEqual(['one']);
    batch.add('two');
    expect(linesOf(batch.bodies())).toEqual(['one', 'two']);
  });

  it('is read with and without a line feed at the end, and without its empty lines', () => {
    expect([...splitMeteringBatch(Buffer.from('a\nb'))]).toEqual(['a', 'b']);
    expect([...splitMeteringBatch(Buffer.from('\na\n\nb\n\n'))]).toEqual(['a', 'b']);
    expect([...splitMeteringBatch(new Uint8Array())]).toEqual([]);
    expect([...splitMeteringBatch(Buffer.from('xa\nbx').subarray(1, 4))]).toEqual(['a', 'b']);
  });

  it.each([
    ['an incomplete character', [0xc3]],
    ['an invalid byte', [0xff]],
    ['an overlong slash', [0xc0, 0xaf]],
    ['half a surrogate pair', [0xed, 0xa0, 0x80]],
  ])('with %s loses only that line', (_, bytes) => {
    const bad = Buffer.from([0x61, ...bytes]);
    expect([...splitMeteringBatch(Buffer.concat([Buffer.from('one\n'), bad, Buffer.from('\ntwo\n')]))]).toEqual([
      'one',
      { reason: 'a line that is not UTF-8', bytes: bad },
      'two',
    ]);
  });

  it('keeps a byte order mark, which is not JSON', () => {
    expect([...splitMeteringBatch(Buffer.from('\ufeff{}\n'))]).toEqual(['\ufeff{}']);
  });

  it('limits the length of a line', () => {
    const longest = 'x'.repeat(maxMeteringLineBytes);
    const [first, second, third] = linesOf(bodiesOf([longest, `${longest}x`, 'y']));
    expect(first).toBe(longest);
    expect(second).toMatchObject({ reason: 'a line of 1048577 bytes, more than 1048576' });
    expect(third).toBe('y');
  });
});

describe('meteringRoutingKey', () => {
  it('consists of metering and the name', () => {
    expect(meteringRoutingKey('instance:m1.small')).toBe('metering.instance:m1.small');
  });

  it.each([
    ['one byte for each character', 'x'.repeat(1_000), 246],
    ['two', 'é'.repeat(1_000), 123],
    ['three', '☃'.repeat(1_000), 82],
    ['four', '🙂'.repeat(1_000), 61],
    ['a character that would cross the limit', `${'x'.repeat(245)}é`, 245],
    ['an incomplete character', '\ud83d'.repeat(1_000), 82],
  ])('is truncated to whole characters if the name is too long: %s', (_, name, characters) => {
    expect(meteringRoutingKey(name)).toBe(`metering.${[...name].slice(0, characters).join('')}`);
  });

  it('has at most 255 bytes, and is complete if it fits', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 400, size: 'max' }), (name) => {
        const key = meteringRoutingKey(name);
        expect(Buffer.byteLength(key)).toBeLessThanOrEqual(255);
        expect(`metering.${name}`.startsWith(key)).toBe(true);
        const left = `metering.${name}`.slice(key.length);
        if (left !== '')
          expect(Buffer.byteLength(key + String.fromCodePoint(left.codePointAt(0)!))).toBeGreaterThan(255);
      }),
    );
  });
});
