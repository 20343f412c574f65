import fc from 'fast-check';

import { derivedMessageId } from '../src/index.js';

describe('derivedMessageId', () => {
  it('is a UUID of version 8, the same in every process and version', () => {
    // Of printf '12:notification3:vol' | sha256sum: 1ca1d23b25bdde70778b3ec7660cad43…
    expect(derivedMessageId('notification', 'vol')).toBe('1ca1d23b-25bd-8e70-b78b-3ec7660cad43');
  });

  it('differs for different parts, even if their concatenation is the same', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string(), { maxLength: 4 }),
        fc.array(fc.string(), { maxLength: 4 }),
        (one, other) => {
          const same = JSON.stringify(one) === JSON.stringify(other);
          expect(derivedMessageId(...one) === derivedMessageId(...other)).toBe(same);
        },
      ),
    );
    expect(derivedMessageId('ab', 'c')).not.toBe(derivedMessageId('a', 'bc'));
  });
});
