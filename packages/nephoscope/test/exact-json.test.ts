import { exactMetadata, exactNumber } from '../src/exact-json.js';

describe('exactNumber', () => {
  it.each([
    ['8292646586825371460', 8292646586825371460n],
    ['-3', -3n],
    ['1e3', 1000n],
    ['0.1', 0.1],
    ['1.50', 1.5],
    ['1e-7', 1e-7],
  ])('%s', (text, value) => {
    expect(exactNumber(text)).toBe(value);
  });

  it.each(['0.12345678901234567890', '9007199254740993.5', 'NaN', '0x10', '', '1e-400'])('refuses %p', (text) => {
    expect(() => exactNumber(text)).toThrow(expect.objectContaining({ code: 'NUMBER_INVALID' }));
  });
});

describe('exactMetadata', () => {
  it('keeps integers beyond 2^53', () => {
    expect(exactMetadata('{"a": {"b": [9007199254740993, "x", null, true]}}')).toEqual({
      a: { b: [9007199254740993n, 'x', null, true] },
    });
  });

  it.each(['[1]', '"text"', '{"a":', '{"a": 1, "a": 2}'])('refuses %s', (text) => {
    expect(() => exactMetadata(text)).toThrow(expect.objectContaining({ code: 'METADATA_INVALID' }));
  });
});
