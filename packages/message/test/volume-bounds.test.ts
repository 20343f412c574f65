import { volumeProblem } from '../src/volume-bounds.js';

const zeros = (count: number) => '0'.repeat(count);

it.each([
  ...['0', '-0', '-0.0', '1.50', '1E+5', '1e-07', '1e30', '1e-30', `1${zeros(30)}`, `0.${zeros(29)}1`],
  ...[String(Number.MAX_VALUE), String(-Number.MAX_VALUE), String(Number.MIN_VALUE), '18446744073709551615'],
  ...['1e399', '-9.99e399', '0.001e402', '1e-400', '-1e-400', '1.5e-399', `0.${zeros(399)}1`, '9'.repeat(400)],
  ...['0e5', '0.00e-398', '000.5'],
])('%s is a volume', (volume) => {
  expect(volumeProblem(volume)).toBeUndefined();
});

it.each([
  ...['1e999999999', '-1e999999999', '1E+999999999', '1e-999999999', '1e100000', '-1e-100000', '0e999999999'],
  ...['1e400', '-1e400', '10e399', '1e-401', '1.5e-400', '0.1e401', `1e${'9'.repeat(40)}`, `1e-${'9'.repeat(40)}`],
  ...['9'.repeat(401), `-${'9'.repeat(401)}`, `0.${zeros(499)}1`, `-0.${zeros(499)}1`],
])('%s is too long for one', (volume) => {
  expect(volumeProblem(volume)).toMatch(/^is -?\d.* has more than 400 digits before or after the point$/);
});

it.each(['', 'NaN', '-Infinity', '0x10', '1e', '.5', '1.', '١'])('%j is no number', (volume) => {
  expect(volumeProblem(volume)).toContain('not a decimal number');
});

it('bigints have the same bounds', () => {
  const limit = 10n ** 400n;
  for (const sign of [1n, -1n]) {
    expect(volumeProblem(sign * (limit - 1n))).toBeUndefined();
    expect(volumeProblem(sign * limit)).toContain('more than 400 digits');
  }
  expect(volumeProblem(0n)).toBeUndefined();
});
