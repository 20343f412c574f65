import { Secret } from '@nephoscope/core';
import type { Counter, Sample } from '@nephoscope/core';
import { createSigner, readMeteringMessage, signMeteringMessage } from '@nephoscope/message';
import type { MeteringEnvelope } from '@nephoscope/message';
import fc from 'fast-check';

import { assemble, dismantle } from '../src/message-layout.js';
import { RecentMessages } from '../src/recent-messages.js';

const signer = createSigner({ secret: new Secret('s'), form: 'canonical' });
const counter: Counter = {
  name: 'cpu',
  type: 'cumulative',
  unit: 'ns',
  volume: 7n,
  userId: 'u',
  projectId: 'p',
  resourceId: 'r',
  timestamp: 1_763_845_200_194_936_000n,
  resourceMetadata: { host: 'compute-1', display_name: 'naïve 🙂' },
};
const envelope: MeteringEnvelope = {
  source: 'openstack',
  messageId: '0199d1f0-0000-7000-8000-000000000001',
  publisherId: 'compute.a/1',
  sequence: 1n,
  epoch: 'e',
};

const sampleOf = (ofCounter: Partial<Counter> = {}, ofEnvelope: Partial<MeteringEnvelope> = {}): Sample =>
  readMeteringMessage(signMeteringMessage({ ...counter, ...ofCounter }, { ...envelope, ...ofEnvelope }, signer))
    .sample;

/** Its rows are the layout and the metadata themselves. */
function add(recent: RecentMessages<string>, sample: Sample): void {
  const parts = dismantle(sample);
  recent.add(sample, parts, { series: parts.layout, metadata: String(parts.metadata), period: 0 });
}

/** What is found, if anything is, is what taking the text apart gives. */
function check(recent: RecentMessages<string>, sample: Sample): boolean {
  const found = recent.find(sample);
  if (found === undefined) return false;
  const { layout, metadata, signature, variations } = dismantle(sample);
  expect({ ...found, variations: null }).toEqual({ series: layout, metadata, signature, variations, period: 0 });
  const { series, ...kept } = found;
  expect(assemble(series, { ...sample, ...kept, variations: null })).toBe(sample.text);
  return true;
}

describe('RecentMessages', () => {
  it('finds the next message of a series, and no other', () => {
    const recent = new RecentMessages<string>();
    expect(check(recent, sampleOf())).toBe(false);
    add(recent, sampleOf());
    const later = { volume: 8.5, timestamp: counter.timestamp + 1_000_001n };
    expect(check(recent, sampleOf(later, { messageId: 'no uuid', sequence: 2n }))).toBe(true);
    const others = [
      sampleOf({ name: 'memory' }),
      sampleOf({ type: 'delta' }),
      sampleOf({ unit: 's' }),
      sampleOf({ resourceId: 'other' }),
      sampleOf({ userId: null }),
      sampleOf({ projectId: 'other' }),
      sampleOf({ resourceMetadata: { host: 'compute-2' } }),
      sampleOf({}, { epoch: 'f' }),
      sampleOf({}, { epoch: undefined }),
      sampleOf({}, { sequence: undefined }),
      sampleOf({}, { source: 'other' }),
      sampleOf({}, { publisherId: 'compute.b/1' }),
      sampleOf({}, { messageId: 'a\0b' }),
    ];
    for (const other of others) expect(check(recent, other)).toBe(false);
    for (const other of others) {
      add(recent, other);
      // No column holds U+0000: such an id is among the variations.
      expect(check(recent, other)).toBe(!other.messageId.includes('\0'));
    }
    recent.forget();
    for (const other of others) expect(check(recent, other)).toBe(false);
  });

  it('takes no changed text for one that it knows', () => {
    const recent = new RecentMessages<string>();
    add(recent, sampleOf());
    const { text } = sampleOf();
    const inserted = fc.constantFrom('', '0', '-', '.', '1e5', '"', '\\', '{', '}', ',', ' ', 'a', 'é', 'A');
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.nat(3), inserted, (at, removed, insert) => {
        const changed = text.slice(0, at) + insert + text.slice(at + removed);
        let sample: Sample;
        try {
          sample = readMeteringMessage(changed).sample;
        } catch {
          return;
        }
        check(recent, sample);
        // However it was read: columns that are not those of the text.
        check(recent, { ...sampleOf(), text: changed });
      }),
      { numRuns: 2_000 },
    );
  });
});
