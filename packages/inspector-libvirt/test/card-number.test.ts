import { networkInterfaces } from 'node:os';

import { cardNumber } from '../src/card-number.js';

it('returns the number of a device of this host, and undefined for anything else', async () => {
  expect(Object.keys(networkInterfaces())).toContain('lo');
  expect(await cardNumber('lo')).toMatch(/^\d+$/);
  for (const name of ['no-such-device', '..', '../../self', '', 'a-name-that-is-too-long', '0000:05:10.1'])
    expect(await cardNumber(name)).toBeUndefined();
});
