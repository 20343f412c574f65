import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import fc from 'fast-check';

import type { Counter } from '@nephoscope/core';
import { Secret } from '@nephoscope/core/options';
import {
  createSigner,
  createVerifier,
  formatJson,
  parseJson,
  readMeteringMessage,
  signMeteringMessage,
  compareCodePoints,
  signedText,
} from '@nephoscope/message';
import type { JsonObject, MeteringEnvelope, SignatureForm } from '@nephoscope/message';

import { KnownMessages } from '../src/known/known-messages.js';
import { RecognisedMessage } from '../src/known/recognised-message.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const secret = new Secret('s');
const verifier = createVerifier({ secrets: [secret] });
const signers = {
  canonical: createSigner({ secret, form: 'canonical' }),
  ceilometer: createSigner({ secret, form: 'ceilometer' }),
};

const counter: Counter = {
  name: 'cpu',
  type: 'cumulative',
  unit: 'ns',
  volume: 7n,
  userId: 'u',
  projectId: 'p',
  resourceId: 'r',
  timestamp: 1_763_845_200_194_936_000n,
  resourceMetadata: { host: 'compute-1', flavor: { name: 'm1.small' } },
};
const envelope: MeteringEnvelope = {
  source: 'openstack',
  messageId: '0199d1f0-0000-7000-8000-000000000001',
  publisherId: 'compute.a/1',
  sequence: 1n,
  epoch: 'e',
};

const textOf = (
  ofCounter: Partial<Counter> = {},
  ofEnvelope: Partial<MeteringEnvelope> = {},
  form: SignatureForm = 'canonical',
) => signMeteringMessage({ ...counter, ...ofCounter }, { ...envelope, ...ofEnvelope }, signers[form]);

/** What a reader without a memory returns for a message. */
function plainly(text: string) {
  const { message, sample } = readMeteringMessage(text);
  return { sample, verdict: verifier.verify(message) };
}

function withMemory(known: KnownMessages, text: string) {
  const read = known.read(text);
  const { message, sample } = read;
  known.learn(read);
  const verdict = verifier.verify(message);
  return {
    read: { sample, verdict },
    recognised: message instanceof RecognisedMessage,
  };
}

function sameOrBothRefused(known: KnownMessages, text: string): void {
  let expected: ReturnType<typeof plainly>;
  try {
    expected = plainly(text);
  } catch (error) {
    expect(() => known.read(text)).toThrow((error as Error).message);
    return;
  }
  expect(withMemory(known, text).read).toEqual(expected);
}

const ids = fc.constantFrom('r', 'other', 'q"uote', '🙂', 'a\0b');
const counters: fc.Arbitrary<Counter> = fc.record({
  name: fc.constantFrom('cpu', 'memory', 'naïve'),
  type: fc.constantFrom('cumulative' as const, 'gauge' as const),
  unit: fc.constantFrom('ns', '', 'é"\\'),
  volume: fc.oneof(fc.bigInt(), fc.double({ noNaN: true, noDefaultInfinity: true })),
  userId: fc.option(ids),
  projectId: fc.option(ids),
  resourceId: ids,
  timestamp: fc.oneof(
    fc.constantFrom(0n, 1n, -1n, counter.timestamp, counter.timestamp + 1n),
    fc.bigInt({ min: -(10n ** 18n), max: 4n * 10n ** 18n }),
  ),
  resourceMetadata: fc.oneof(
    fc.constant(counter.resourceMetadata),
    fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.integer(), fc.dictionary(fc.string(), fc.boolean()))),
  ),
});
const envelopes: fc.Arbitrary<MeteringEnvelope> = fc.record({
  source: fc.constantFrom('openstack', 'other'),
  messageId: fc.oneof(fc.uuid(), ids),
  publisherId: fc.constantFrom('compute.a/1', 'central.b'),
  sequence: fc.option(fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }), { nil: undefined }),
  epoch: fc.option(fc.constantFrom('e', 'f'), { nil: undefined }),
});
const forms = fc.constantFrom<SignatureForm>('canonical', 'ceilometer');
const texts = fc
  .tuple(counters, envelopes, forms)
  .map(([one, other, form]) => signMeteringMessage(one, other, signers[form]));

/** Members that no agent of ours writes, some of them named as what every object has, with the signature renewed or not. */
const withMembers = fc
  .tuple(
    texts,
    forms,
    fc.uniqueArray(
      fc.constantFrom('a', 'constructor', 'hasOwnProperty', '__proto__', 'sequel', 'toString', 'valueOf', 'zz'),
    ),
    fc.boolean(),
  )
  .map(([text, form, keys, isSigned]) => {
    const message = new Map(parseJson(text) as JsonObject).set('signature_form', form);
    for (const key of keys) message.set(key, 'x');
    const signature = message.get('message_signature') as string;
    message.delete('message_signature');
    const ordered = new Map([...message].sort(([one], [other]) => compareCodePoints(one, other)));
    const renewed = signers[form].sign(signedText(signers[form].writer, ordered));
    return formatJson(ordered.set('message_signature', isSigned ? renewed : signature));
  });

describe('KnownMessages', () => {
  it('reads the same as a reader without a memory, whatever it read before', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(texts, withMembers), { minLength: 1, maxLength: 20 }), (sequence) => {
        const known = new KnownMessages();
        for (const text of sequence) sameOrBothRefused(known, text);
        for (const text of sequence) sameOrBothRefused(known, text);
      }),
      { numRuns: 300 },
    );
  });

  it('does not recognise a modified message', () => {
    const change = fc.record({
      at: fc.nat(),
      remove: fc.nat(3),
      insert: fc.constantFrom('', '0', '-', '.', '1e5', '"', '\\', '{', '}', ',', ' ', 'a', 'é', '\u0001', '":"'),
    });
    fc.assert(
      fc.property(texts, fc.array(change, { minLength: 1, maxLength: 3 }), (text, changes) => {
        const known = new KnownMessages();
        known.learn(known.read(textOf()));
        sameOrBothRefused(known, text);
        let changed = text;
        for (const { at, remove, insert } of changes) {
          const place = at % changed.length;
          changed = changed.slice(0, place) + insert + changed.slice(place + remove);
        }
        sameOrBothRefused(known, changed);
      }),
      { numRuns: 3_000 },
    );
  });

  it('recognises the next message of a series, and of another meter of the resource', () => {
    const known = new KnownMessages();
    expect(withMemory(known, textOf()).recognised).toBe(false);
    expect(withMemory(known, textOf({ name: 'memory', resourceId: 'other' })).recognised).toBe(false);
    const next = { volume: 8.5, timestamp: counter.timestamp + 1_000_001n };
    const numbers = { messageId: '0199d1f0-0000-7000-8000-000000000002', sequence: 2n };
    for (const form of ['canonical', 'ceilometer'] as const) {
      known.learn(known.read(textOf({}, {}, form)));
      const { read, recognised } = withMemory(known, textOf(next, numbers, form));
      // In Ceilometer's form every message is read completely.
      expect(recognised).toBe(form === 'canonical');
      expect(read).toEqual({ ...plainly(textOf(next, numbers, form)), verdict: 'verified' });
    }
    expect(withMemory(known, textOf({ name: 'memory' })).recognised).toBe(true);
  });

  it.each([
    ['a volume', (text: string) => text.replace('"counter_volume":7', '"counter_volume":8')],
    ['its metadata', (text: string) => text.replace('compute-1', 'compute-2')],
    ['an additional member', (text: string) => text.replace('"sequence":1', '"sequence":1,"sequel":2')],
    [
      'an additional member, named like a property of every object',
      (text: string) => text.replace('"user_id":"u"', '"user_id":"u","valueOf":"x"'),
    ],
    ['its signature', (text: string) => text.replace(/[0-9a-f]{64}/, 'a'.repeat(64))],
  ])('does not report a message with changed %s as verified', (_, change) => {
    const known = new KnownMessages();
    for (const form of ['canonical', 'ceilometer', 'canonical', 'ceilometer'] as const) {
      expect(withMemory(known, textOf({}, {}, form)).read.verdict).toBe('verified');
      for (let round = 0; round < 2; round++)
        expect(withMemory(known, change(textOf({}, {}, form))).read.verdict).toBe('signature-wrong');
    }
  });

  it('remembers only what it was told to learn', () => {
    const known = new KnownMessages();
    for (let n = 0; n < 100; n++) known.read(textOf({ name: `m${n}`, resourceId: `r${n}` }));
    expect(known.bytes).toBe(0);
    known.learn(known.read(textOf()));
    known.learn(known.read(textOf({ name: 'memory', resourceId: 'other' })));
    const { bytes } = known;
    // A known meter and a known resource, but no message of this series has been learned.
    for (let n = 0; n < 100; n++)
      expect(known.read(textOf({ name: 'memory' })).message).toBeInstanceOf(RecognisedMessage);
    expect(known.bytes).toBe(bytes);
  });

  it.each([
    ['meters', (n: number) => textOf({ name: `a.meter.of.somebody.${n}` })],
    ['resources', (n: number) => textOf({ resourceId: `8ddeca23-add9-4334-a5c6-c2ab604f673c-${n}` })],
    [
      'metadata',
      (n: number) => textOf({ resourceId: `r${n % 1_000}`, resourceMetadata: { n, text: '🙂'.repeat(50) } }),
    ],
    ['times', (n: number) => textOf({ timestamp: counter.timestamp + BigInt(n) * 1_000_000_000n })],
  ])('counts the memory that %s take, and retains nothing of the text around a message', (_, make) => {
    const known = new KnownMessages();
    const padding = '"a":1,'.repeat(200);
    // Part of a longer text, as in a document.
    const one = (n: number) => `${padding}${make(n)}`.slice(padding.length);
    for (let n = 0; n < 500; n++) known.learn(known.read(one(n)));
    collectGarbage();
    const before = { heap: process.memoryUsage().heapUsed, bytes: known.bytes };
    for (let n = 500; n < 8_500; n++) known.learn(known.read(one(n)));
    collectGarbage();
    const counted = known.bytes - before.bytes;
    const taken = process.memoryUsage().heapUsed - before.heap;
    expect(counted).toBeGreaterThan(8_000 * 100);
    expect(taken).toBeLessThan(counted * 1.4);
  });

  it('discards old entries before it exceeds its limit', () => {
    const known = new KnownMessages();
    known.learn(known.read(textOf()));
    expect(withMemory(known, textOf()).recognised).toBe(true);
    for (let n = 0; n < 10_000; n++)
      known.learn(
        known.read(textOf({ resourceId: `r${n}`, resourceMetadata: { text: String(n).padEnd(3_000) } })),
      );
    expect(withMemory(known, textOf()).recognised).toBe(false);
    expect(withMemory(known, textOf()).recognised).toBe(true);
  });

  it('does not remember large metadata', () => {
    const known = new KnownMessages();
    const large = textOf({ resourceMetadata: { text: 'a'.repeat(5_000) } });
    known.learn(known.read(large));
    expect(withMemory(known, large)).toMatchObject({ recognised: false, read: { verdict: 'verified' } });
  });
});
