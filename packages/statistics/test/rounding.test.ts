import fc from 'fast-check';

import { add, compare, formatDecimal, parseDecimal, subtract, zero } from '../src/decimal.js';
import {
  addFractions,
  exactDecimal,
  formatFraction,
  formatRounded,
  fraction,
  round,
  roundParts,
  roundingModes,
} from '../src/rounding.js';
import type { Fraction, RoundingMode } from '../src/rounding.js';

const exact = (text: string) => formatDecimal(parseDecimal(text));

it.each([
  ['8292646586825371460', '8292646586825371460'],
  ['1e-07', '0.0000001'],
  ['1E+30', `1${'0'.repeat(30)}`],
  ['-12.50', '-12.5'],
  ['-0.0', '0'],
  ['0.000e5', '0'],
  ['120e-1', '12'],
  ['1e-30', `0.${'0'.repeat(29)}1`],
])('the decimal %s is %s', (text, written) => {
  expect(exact(text)).toBe(written);
});

it.each(['', 'NaN', 'Infinity', '1e999999', '0x1', '1,5', '.5'])('refuses %j as a decimal', (text) => {
  expect(() => parseDecimal(text)).toThrow(expect.objectContaining({ code: 'DECIMAL_INVALID' }));
});

it('adds, subtracts and compares decimals of any size', () => {
  const [large, small] = [parseDecimal('1e30'), parseDecimal('1e-30')];
  const sum = add(large, small);
  expect(formatDecimal(sum)).toBe(`1${'0'.repeat(30)}.${'0'.repeat(29)}1`);
  expect(formatDecimal(subtract(sum, large))).toBe(exact('1e-30'));
  expect([compare(large, small), compare(small, large), compare(sum, add(small, large))]).toEqual([1, -1, 0]);
});

it.each<[RoundingMode, string[]]>([
  ['half-even', ['2', '2', '4', '-2', '-2', '-4', '2', '-2']],
  ['half-up', ['2', '3', '4', '-2', '-3', '-4', '2', '-2']],
  ['down', ['1', '2', '3', '-1', '-2', '-3', '1', '-1']],
  ['up', ['2', '3', '4', '-2', '-3', '-4', '2', '-2']],
  ['floor', ['1', '2', '3', '-2', '-3', '-4', '1', '-2']],
  ['ceiling', ['2', '3', '4', '-1', '-2', '-3', '2', '-1']],
])('rounds %s', (mode, rounded) => {
  const values = ['1.5', '2.5', '3.5', '-1.5', '-2.5', '-3.5', '1.6', '-1.6'];
  expect(values.map((text) => formatDecimal(round(fraction(parseDecimal(text)), { digits: 0, mode })))).toEqual(
    rounded,
  );
});

it('a rounded number has all requested digits', () => {
  const third: Fraction = { numerator: 1n, denominator: 3n };
  expect(formatRounded(round(third, { digits: 4, mode: 'half-even' }))).toBe('0.3333');
  expect(formatRounded(round(fraction(parseDecimal('1.5')), { digits: 2, mode: 'half-even' }))).toBe('1.50');
  expect(formatRounded(round(fraction(zero), { digits: 2, mode: 'half-even' }))).toBe('0.00');
  expect(exactDecimal(third)).toBeUndefined();
  expect(formatFraction({ numerator: -6n, denominator: 4n })).toBe('-3/2');
  expect(formatDecimal(exactDecimal({ numerator: -6n, denominator: 4n }) ?? zero)).toBe('-1.5');
});

it('rounded parts add up to the rounded sum, and each is next to its exact value', () => {
  const part = fc.record({
    numerator: fc.bigInt({ min: -1_000_000n, max: 1_000_000n }),
    denominator: fc.constantFrom(1n, 3n, 7n, 10n, 1000n, 3_600_000n),
  });
  fc.assert(
    fc.property(
      fc.array(part, { maxLength: 20 }),
      fc.nat(4),
      fc.constantFrom(...roundingModes),
      (parts, digits, mode) => {
        const rounded = roundParts(parts, { digits, mode });
        const total = round(parts.reduce(addFractions, { numerator: 0n, denominator: 1n }), { digits, mode });
        expect(compare(rounded.reduce(add, zero), total)).toBe(0);
        rounded.forEach((value, at) => {
          const exactly = parts[at] as Fraction;
          const neighbours = (['floor', 'ceiling'] as const).map(
            (to) => round(exactly, { digits, mode: to }).digits,
          );
          expect(neighbours).toContain(value.digits);
        });
      },
    ),
    { numRuns: 300 },
  );
});
