import fc from 'fast-check';

import { equal, groupDigits, parseDecimal, subtract } from '../../src/text/decimal.js';

function decimal(text: string) {
  const value = parseDecimal(text);
  if (value === undefined) throw new Error(`'${text}' is not a number`);
  return value;
}

describe('parseDecimal', () => {
  it.each([
    ['0', 0n, 0],
    ['8292646586825371460', 8292646586825371460n, 0],
    ['-1.50', -150n, -2],
    ['1e-07', 1n, -7],
    ['2.5E+3', 25n, 2],
  ])('reads %s', (text, digits, exponent) => {
    expect(parseDecimal(text)).toEqual({ digits, exponent });
  });

  it.each(['', 'NaN', '1.', '.5', '1e', '0x10', '1e1000', '1 000'])('refuses %p', (text) => {
    expect(parseDecimal(text)).toBeUndefined();
  });
});

describe('subtract', () => {
  it('keeps every digit beyond 2^53', () => {
    expect(subtract(decimal('9007199254740993'), decimal('9007199254740992'))).toEqual({
      digits: 1n,
      exponent: 0,
    });
  });

  it('treats 1.0 and 10e-1 as equal', () => {
    expect(equal(decimal('1.0'), decimal('10e-1'))).toBe(true);
    expect(equal(decimal('1.0'), decimal('1.01'))).toBe(false);
  });
});

describe('groupDigits', () => {
  it.each([
    ['0', '0'],
    ['999', '999'],
    ['1000', '1,000'],
    ['-1234567.8901', '-1,234,567.8901'],
    ['18446744073709551615', '18,446,744,073,709,551,615'],
    ['1e-07', '1e-07'],
    ['12345e3', '12345e3'],
  ])('%s is %s', (text, shown) => {
    expect(groupDigits(text)).toBe(shown);
  });

  it('keeps all digits', () => {
    fc.assert(
      fc.property(fc.bigInt(), (value) => groupDigits(String(value)).replaceAll(',', '') === String(value)),
    );
  });
});
