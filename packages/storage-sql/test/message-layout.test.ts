import fc from 'fast-check';

import { formatTimestamp, isNephoscopeError } from '@nephoscope/core';
import type { Counter } from '@nephoscope/core';
import { Secret } from '@nephoscope/core/options';
import type { Sample } from '@nephoscope/core/sample-store';
import { createSigner, readMeteringMessage, signMeteringMessage } from '@nephoscope/message';
import type { SignatureForm } from '@nephoscope/message';

import { assemble, dismantle } from '../src/message-layout.js';
import { exampleSample } from '@nephoscope/testing';

const counters: fc.Arbitrary<Counter> = fc.record({
  name: fc.constantFrom('cpu', 'memory'),
  type: fc.constantFrom('cumulative' as const, 'gauge' as const),
  unit: fc.constantFrom('ns', 'é"\\'),
  volume: fc.oneof(fc.bigInt(), fc.double({ noNaN: true, noDefaultInfinity: true })),
  userId: fc.option(fc.string()),
  projectId: fc.option(fc.string()),
  resourceId: fc.constantFrom('r1', 'r"2', '🙂'),
  timestamp: fc.bigInt({ min: -(10n ** 18n), max: 4n * 10n ** 18n }),
  resourceMetadata: fc.dictionary(
    fc.string(),
    fc.oneof(fc.string(), fc.integer(), fc.dictionary(fc.string(), fc.boolean())),
  ),
});

function sampleOf(counter: Counter, sequence: bigint | undefined, form: SignatureForm): Sample {
  const signer = createSigner({ secret: new Secret('s'), form });
  const envelope = {
    source: 'openstack',
    messageId: `id-${sequence}`,
    publisherId: 'compute.a/1',
    sequence,
    epoch: 'e',
  };
  return readMeteringMessage(signMeteringMessage(counter, envelope, signer)).sample;
}

const roundTrip = (sample: Sample): string => {
  const { layout, ...parts } = dismantle(sample);
  return assemble(layout, { ...sample, ...parts });
};

describe('the layout of a message', () => {
  it('is the same for all messages of a series, and restores each character by character', () => {
    const forms = fc.constantFrom<SignatureForm>('canonical', 'ceilometer');
    fc.assert(
      fc.property(counters, counters, forms, (one, other, form) => {
        const { name, type, unit, userId, projectId, resourceId } = one;
        const later = { ...other, name, type, unit, userId, projectId, resourceId };
        const samples = [sampleOf(one, 1n, form), sampleOf(later, 2n ** 62n, form)];
        const [first, second] = samples.map(dismantle);
        expect(first?.layout).toEqual(second?.layout);
        expect([first?.variations, second?.variations]).toEqual([null, null]);
        for (const sample of samples) expect(roundTrip(sample)).toBe(sample.text);
      }),
    );
  });

  it.each([
    ['a time in a different form', { text: '{"timestamp": "2026-11-22 12:00:00", "resource_metadata": {}}' }],
    ['an invalid signature', { text: '{"message_signature": "ABC", "resource_metadata": null}' }],
    ['a volume that differs from the one that was read', { text: '{"counter_volume": 1.50 }', volume: '1.5' }],
    ['a null instead of a number', { text: '{"sequence": null, "message_id": "\\u0069d"}', sequence: null }],
    ['a message with nothing to leave out', { text: '{"a": {"timestamp": 1}}' }],
    ['an id with U+0000', { text: '{"message_id": "a\\u0000b"}', messageId: 'a\0b' }],
  ])('keeps %s', (_, fields) => {
    const sample = { ...exampleSample(), ...fields };
    expect(roundTrip(sample)).toBe(sample.text);
  });

  it('restores any JSON', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.jsonValue()),
        fc.jsonValue(),
        fc.nat(3),
        (others, value, indent) => {
          const message = {
            ...others,
            timestamp: value,
            resource_metadata: value,
            message_signature: 'a'.repeat(64),
          };
          const sample = { ...exampleSample(), text: JSON.stringify(message, undefined, indent) };
          expect(roundTrip(sample)).toBe(sample.text);
        },
      ),
    );
  });

  it('refuses text that is not JSON', () => {
    const sample = { ...exampleSample(), text: `{"a": "\u0003"}` };
    let error: unknown;
    try {
      dismantle(sample);
    } catch (thrown) {
      error = thrown;
    }
    expect(isNephoscopeError(error, 'SAMPLE_INVALID')).toBe(true);
  });

  it("leaves few bytes to store for an agent's message", () => {
    const sample = sampleOf(fc.sample(counters, 1)[0] as Counter, 3n, 'canonical');
    const { layout, signature } = dismantle(sample);
    expect(signature).toMatch(/^[0-9a-f]{64}$/);
    expect(layout).not.toContain(formatTimestamp(sample.timestamp));
    expect(layout).not.toContain(sample.messageId);
  });
});
