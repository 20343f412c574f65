import { Secret } from '@nephoscope/core/options';
import { createVerifier } from '@nephoscope/message';

import { checkSample } from '../src/stored-sample.js';
import { sampleOf, secret } from './sample.js';

const verifier = createVerifier({ secrets: [secret] });

describe('checkSample', () => {
  it.each(['canonical', 'ceilometer'] as const)('verifies the form %s', (form) => {
    expect(checkSample(sampleOf({}, {}, form), verifier)).toEqual({ form });
  });

  it('finds a message that was changed', () => {
    const sample = sampleOf({ volume: 7n });
    const text = sample.text.replace('"counter_volume":7', '"counter_volume":8');
    expect(checkSample({ ...sample, volume: '8', text }, verifier)).toEqual({
      reason: expect.stringContaining('the signature does not hold'),
    });
  });

  it('finds a message of another secret', () => {
    const other = createVerifier({ secrets: [new Secret('another secret')] });
    expect(checkSample(sampleOf(), other)).toEqual({
      reason: expect.stringContaining('signed with another secret'),
    });
  });

  it.each([
    ['volume', { volume: '8' }],
    ['timestamp', { timestamp: 5n }],
    ['projectId', { projectId: null }],
    ['epoch', { epoch: 'another' }],
    ['resourceId', { resourceId: 'instance-2' }],
  ])('finds an edited column %s', (column, edit) => {
    const check = checkSample({ ...sampleOf({}, { epoch: 'one' }), ...edit }, verifier);
    expect(check).toEqual({
      reason: expect.stringMatching(`^the stored ${column} is .*, the signed message says `),
    });
  });

  it('finds a message that cannot be read', () => {
    expect(checkSample({ ...sampleOf(), text: '{"cut' }, verifier)).toEqual({
      reason: expect.stringContaining('unreadable metering message'),
    });
  });

  it('takes U+FFFD for the U+0000 that no column holds', () => {
    const sample = sampleOf({ projectId: 'a\0b' });
    expect(checkSample({ ...sample, projectId: 'a\ufffdb' }, verifier)).toEqual({ form: 'canonical' });
  });
});
