import fc from 'fast-check';

import { groupDigits } from '../../src/text/group-digits.js';

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
