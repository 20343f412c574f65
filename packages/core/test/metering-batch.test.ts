import fc from 'fast-check';

import { encodeMeteringBatch, maxMeteringLineBytes, meteringRoutingKey, splitMeteringBatch } from '../src/index.js';

describe('a batch', () => {
  it('gives back its lines', () => {
    const lines = fc.array(fc.string({ unit: 'binary', minLength: 1 }).map((line) => line.replaceAll('\n', ' ')), { minLength: 1 });
    fc.assert(
      fc.property(lines, (given) => {
        expect([...splitMeteringBatch(encodeMeteringBatch(given))]).toEqual(given);
      }),
    );
  });

  it('is read with and without a line end at the end, and without its empty lines', () => {
    expect([...splitMeteringBatch(Buffer.from('a\nb'))]).toEqual(['a', 'b']);
    expect([...splitMeteringBatch(Buffer.from('\na\n\nb\n\n'))]).toEqual(['a', 'b']);
    expect([...splitMeteringBatch(new Uint8Array())]).toEqual([]);
    expect([...splitMeteringBatch(Buffer.from('xa\nbx').subarray(1, 4))]).toEqual(['a', 'b']);
  });

  it.each([
    ['half a character', [0xc3]],
    ['no character', [0xff]],
    ['an overlong slash', [0xc0, 0xaf]],
    ['half a surrogate pair', [0xed, 0xa0, 0x80]],
  ])('loses to %s only its line', (_, bytes) => {
    const bad = Buffer.from([0x61, ...bytes]);
    expect([...splitMeteringBatch(Buffer.concat([Buffer.from('one\n'), bad, Buffer.from('\ntwo\n')]))]).toEqual([
      'one',
      { reason: 'a line that is not UTF-8', bytes: bad },
      'two',
    ]);
  });

  it('keeps a byte order mark, which is no JSON', () => {
    expect([...splitMeteringBatch(Buffer.from('\ufeff{}\n'))]).toEqual(['\ufeff{}']);
  });

  it('bounds the length of a line', () => {
    const longest = 'x'.repeat(maxMeteringLineBytes);
    const [first, second, third] = splitMeteringBatch(encodeMeteringBatch([longest, `${longest}x`, 'y']));
    expect(first).toBe(longest);
    expect(second).toMatchObject({ reason: 'a line of 1048577 bytes, more than 1048576' });
    expect(third).toBe('y');
  });
});

describe('meteringRoutingKey', () => {
  it('is metering and the name', () => {
    expect(meteringRoutingKey('instance:m1.small')).toBe('metering.instance:m1.small');
  });

  it('has 255 bytes at most', () => {
    expect(meteringRoutingKey('é'.repeat(123))).toHaveLength(132);
    expect(() => meteringRoutingKey('é'.repeat(124))).toThrow(expect.objectContaining({ code: 'METER_NAME' }) as Error);
  });
});
