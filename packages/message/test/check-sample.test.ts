import type { Counter } from '@nephoscope/core';
import { Secret } from '@nephoscope/core/options';
import type { Sample } from '@nephoscope/core/sample-store';

import { checkSample } from '../src/check-sample.js';
import { signMeteringMessage } from '../src/metering-message.js';
import { readMeteringMessage } from '../src/read-metering-message.js';
import { JsonNumber, parseJson } from '../src/json.js';
import type { JsonObject } from '../src/json.js';
import { createSigner, createVerifier, signJsonMessage } from '../src/signature.js';
import type { SignatureForm } from '../src/signature-form.js';

const secret = new Secret('a secret of the tests');

/** A signed sample, as a store returns it. */
function sampleOf(fields: Partial<Counter> = {}, epoch?: string, form: SignatureForm = 'canonical'): Sample {
  const kind = { name: 'cpu', type: 'cumulative', unit: 'ns', volume: 1n } as const;
  const owner = { userId: 'user', projectId: 'project', resourceId: 'instance-1' };
  const counter = {
    ...kind,
    ...owner,
    timestamp: 10n ** 18n,
    resourceMetadata: { display_name: 'web' },
    ...fields,
  };
  const envelope = { source: 'openstack', messageId: 'message-1', publisherId: 'test/1', sequence: 1n, epoch };
  return readMeteringMessage(signMeteringMessage(counter, envelope, createSigner({ secret, form }))).sample;
}

const verifier = createVerifier({ secrets: [secret] });

describe('checkSample', () => {
  it.each(['canonical', 'ceilometer'] as const)('verifies the form %s', (form) => {
    expect(checkSample(sampleOf({}, undefined, form), verifier)).toEqual({ form });
  });

  it('verifies a recorded volume that is no longer taken', () => {
    const { text, ...sample } = sampleOf();
    const volume = new JsonNumber('1e999999999');
    const changed = new Map(parseJson(text) as JsonObject).set('counter_volume', volume);
    const recorded = signJsonMessage(changed, createSigner({ secret, form: 'canonical' }));
    expect(() => readMeteringMessage(recorded)).toThrow(/counter_volume is 1e999999999, .* more than 400 digits/);
    expect(checkSample({ ...sample, text: recorded, volume: volume.text }, verifier)).toEqual({
      form: 'canonical',
    });
  });

  it('detects a message that was changed', () => {
    const sample = sampleOf({ volume: 7n });
    const text = sample.text.replace('"counter_volume":7', '"counter_volume":8');
    expect(checkSample({ ...sample, volume: '8', text }, verifier)).toEqual({
      problem: 'signature-wrong',
      reason: expect.stringContaining('the signature does not hold'),
    });
  });

  it('detects a message with another secret', () => {
    const other = createVerifier({ secrets: [new Secret('another secret')] });
    expect(checkSample(sampleOf(), other)).toEqual({
      problem: 'signature-wrong',
      reason: expect.stringContaining('signed with another secret'),
    });
  });

  it.each([
    ['volume', { volume: '8' }],
    ['timestamp', { timestamp: 5n }],
    ['projectId', { projectId: null }],
    ['epoch', { epoch: 'another' }],
    ['resourceId', { resourceId: 'instance-2' }],
  ])('detects an edited column %s', (column, edit) => {
    const check = checkSample({ ...sampleOf({}, 'one'), ...edit }, verifier);
    expect(check).toEqual({
      problem: 'columns-differ',
      reason: expect.stringMatching(`^the stored ${column} is .*, the signed message says `),
    });
  });

  it('detects a message that cannot be read', () => {
    expect(checkSample({ ...sampleOf(), text: '{"cut' }, verifier)).toEqual({
      problem: 'unreadable',
      reason: expect.stringContaining('unreadable metering message'),
    });
  });

  it('accepts U+FFFD for the U+0000 that no column can hold', () => {
    const sample = sampleOf({ projectId: 'a\0b' });
    expect(checkSample({ ...sample, projectId: 'a\ufffdb' }, verifier)).toEqual({ form: 'canonical' });
  });
});
