import { changePerSecond } from '../../src/text/rate.js';

const second = 1_000_000_000n;
const at = (seconds: bigint, volume: string) => ({ volume, timestamp: seconds * second });

describe('changePerSecond', () => {
  it.each([
    ['0', '100', 10n, '10'],
    ['0', '1', 3n, '0.33'],
    ['0', '2', 3n, '0.67'],
    ['0', '1', 1000n, '0'],
    ['0', '1', 200n, '0.01'],
    ['5', '5', 10n, '0'],
    ['0', '1234567', 1n, '1,234,567'],
    ['0', '999', 10n, '99.9'],
    ['0', '100.4', 1n, '100'],
    ['10', '0', 4n, '-2.5'],
    ['1.5', '2.25', 1n, '0.75'],
    ['1e3', '2e3', 1n, '1,000'],
  ])('from %s to %s in %s s is %s', (from, to, seconds, shown) => {
    expect(changePerSecond(at(0n, from), at(seconds, to))).toBe(shown);
  });

  it('is exact where a float is not', () => {
    expect(changePerSecond(at(0n, '18446744073709551600'), at(1n, '18446744073709551615'))).toBe('15');
  });

  it('is omitted if no time passed between the readings, or for values that are not numbers', () => {
    expect(changePerSecond(at(1n, '1'), at(1n, '2'))).toBeUndefined();
    expect(changePerSecond(at(2n, '1'), at(1n, '2'))).toBeUndefined();
    for (const volume of ['x', '1e999999999', '1e100000', '-1e-999'])
      expect(changePerSecond(at(1n, volume), at(2n, '2'))).toBeUndefined();
  });
});
