import type { Sample } from '@nephoscope/core/sample-store';
import { readMeteringMessage } from '@nephoscope/message';
import fc from 'fast-check';

import { assemble, dismantle } from '../src/message-layout.js';
import { RecentMessages, partsOf } from '../src/recent-messages.js';
import { counter, signedSample } from './signed-sample.js';

function add(recent: RecentMessages<string>, sample: Sample): void {
  recent.add(sample, dismantle(sample));
}

/** Whether it is found; if so, the parts are the same as those from parsing the text. */
function check(recent: RecentMessages<string>, sample: Sample): boolean {
  const found = recent.find(sample);
  if (found === undefined) return false;
  const { layout, ...values } = partsOf(found);
  expect({ layout, ...values }).toEqual(dismantle(sample));
  expect(assemble(layout, { ...sample, ...values })).toBe(sample.text);
  return true;
}

describe('RecentMessages', () => {
  it('finds the next message of a series, and no other', () => {
    const recent = new RecentMessages<string>();
    expect(check(recent, signedSample())).toBe(false);
    add(recent, signedSample());
    const later = { volume: 8.5, timestamp: counter.timestamp + 1_000_001n };
    expect(check(recent, signedSample(later, { messageId: 'no uuid', sequence: 2n }))).toBe(true);
    const others = [
      signedSample({ name: 'memory' }),
      signedSample({ type: 'delta' }),
      signedSample({ unit: 's' }),
      signedSample({ resourceId: 'other' }),
      signedSample({ userId: null }),
      signedSample({ projectId: 'other' }),
      signedSample({ resourceMetadata: { host: 'compute-2' } }),
      signedSample({}, { epoch: 'f' }),
      signedSample({}, { epoch: undefined }),
      signedSample({}, { sequence: undefined }),
      signedSample({}, { source: 'other' }),
      signedSample({}, { publisherId: 'compute.b/1' }),
      signedSample({}, { messageId: 'a\0b' }),
    ];
    for (const other of others) expect(check(recent, other)).toBe(false);
    for (const other of others) {
      add(recent, other);
      // No column can hold U+0000: such an id is among the variations.
      expect(check(recent, other)).toBe(!other.messageId.includes('\0'));
    }
    recent.forget();
    for (const other of others) expect(check(recent, other)).toBe(false);
  });

  it('does not recognise modified text', () => {
    const recent = new RecentMessages<string>();
    add(recent, signedSample());
    const { text } = signedSample();
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
        // Even if it is given with columns that do not match the text.
        check(recent, { ...signedSample(), text: changed });
      }),
      { numRuns: 2_000 },
    );
  });
});
