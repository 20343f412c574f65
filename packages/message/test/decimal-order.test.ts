import { compareDecimals } from '../src/decimal-order.js';

/** In ascending order; those on one line are the same number. */
const order = [
  ['-1e400', '-10e399'],
  ['-10', '-1e1', '-10.000'],
  ['-9.99'],
  ['-1e-40000000000'],
  ['0', '-0', '0.000', '0e999', '-0.0'],
  ['1e-40000000000', '0.1e-39999999999'],
  ['0.1', '1e-1', '1E-01'],
  ['0.10000000000000000001'],
  ['9007199254740992', '9.007199254740992e15', '9007199254740992.0'],
  ['9007199254740993', '9007199254740993e0'],
  ['1e+16', '10000000000000000'],
  ['1e99999999999999999999'],
] as const;

const numbers = order.flatMap((same, rank) => same.map((text) => ({ text, rank })));

test('numbers are compared exactly, however they are written', () => {
  for (const one of numbers)
    for (const other of numbers)
      expect([one.text, other.text, compareDecimals(one.text, other.text)]).toEqual([
        one.text,
        other.text,
        Math.sign(one.rank - other.rank),
      ]);
});
