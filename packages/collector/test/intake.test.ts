import { readdirSync, readFileSync } from 'node:fs';

import { Secret } from '@nephoscope/core/options';
import {
  createSigner,
  createVerifier,
  meteringTopology,
  parseJson,
  readMeteringMessage,
  signJsonMessage,
  JsonNumber,
} from '@nephoscope/message';
import type { JsonObject } from '@nephoscope/message';

import { KnownMessages } from '../src/known/known-messages.js';
import { FakeDelivery } from '@nephoscope/testing';
import fc from 'fast-check';

import { takeIn, unreadRefusal } from '../src/intake.js';
import { line, secret } from './support.js';

// Ceilometer 19 and the tests sign with different secrets.
const verifier = createVerifier({ secrets: [new Secret('lab-secret'), secret] });

interface Capture {
  readonly routing_key: string;
  readonly content_type: string;
  readonly body: string;
}

const captures = readdirSync(new URL('data/ceilometer/', import.meta.url)).map((name) => {
  const text = readFileSync(new URL(`data/ceilometer/${name}`, import.meta.url), 'utf8');
  return [name, JSON.parse(text) as Capture] as const;
});

const take = (body: string | Uint8Array, contentType: string | undefined = 'application/json') =>
  takeIn(
    new FakeDelivery({
      queue: meteringTopology.queue,
      routingKey: 'notifications.sample',
      contentType,
      body: Buffer.from(body),
    }),
    { messages: new KnownMessages(), verifier },
  );

const enveloped = (message: string) => JSON.stringify({ 'oslo.version': '2.0', 'oslo.message': message });
const polling = (...samples: readonly string[]) =>
  `{"event_type": "telemetry.polling", "priority": "SAMPLE", "payload": {"samples": [${samples.join(', ')}]}}`;
const cast = (data: string) =>
  `{"method": "record_metering_data", "version": "1.0", "_context_tenant": null, "args": {"data": ${data}}}`;

describe.each(captures)('a message that Ceilometer 19 published: %s', (_, capture) => {
  const inner = (JSON.parse(capture.body) as { 'oslo.message': string })['oslo.message'];
  const { payload } = JSON.parse(inner) as { payload: { samples: unknown[] } | unknown[] };
  const expected = Array.isArray(payload) ? payload : payload.samples;

  it.each([
    ['in its envelope', capture.body],
    ['bare', inner],
  ])('is recorded completely, %s', (_, body) => {
    const { samples, refusals } = take(body, capture.content_type);
    expect(refusals).toEqual([]);
    expect(samples.map(({ text }) => JSON.parse(text) as unknown)).toEqual(expected);
  });

  it('can be verified again from the stored text of each sample', () => {
    for (const { text } of take(capture.body).samples) {
      expect(inner).toContain(text);
      expect(verifier.verify(readMeteringMessage(text).message)).toBe('verified');
    }
  });

  it('is refused sample by sample if a digit of each volume was changed', () => {
    const changed = inner.replaceAll(
      /"counter_volume": (\d)/g,
      (_, digit: string) => `"counter_volume": 1${digit}`,
    );
    const { samples, refusals } = take(enveloped(changed));
    expect(samples).toEqual([]);
    expect(refusals.map(({ kind }) => kind)).toEqual(expected.map(() => 'signature-wrong'));
  });

  it('is refused as a whole, unchanged, wherever it is truncated', () => {
    for (let length = 1; length < capture.body.length; length += 211) {
      const body = capture.body.slice(0, length);
      const { samples, refusals } = take(body);
      expect(samples).toEqual([]);
      expect(refusals.map(({ kind, bytes }) => [kind, Buffer.from(bytes!).toString()])).toEqual([
        ['unreadable', body],
      ]);
    }
  });
});

describe('a cast of record_metering_data', () => {
  it.each([
    ['a message', (message: string) => cast(message)],
    ['an array of messages', (message: string) => cast(`[${message}]`)],
    ['a message, in an oslo envelope', (message: string) => enveloped(cast(message))],
    ['a message, in one line of another content type', (message: string) => `${cast(message)}\n`],
  ])('with %s is recorded', (what, body) => {
    const message = line({ form: 'ceilometer' });
    const { samples, refusals } = take(body(message), what.includes('line') ? undefined : 'application/json');
    expect(refusals).toEqual([]);
    expect(samples.map(({ text }) => text)).toEqual([message]);
  });

  it.each([
    [
      'another method',
      '{"method": "delete_everything", "version": "1.0", "args": {"data": {}}}',
      /delete_everything/,
    ],
    ['another version', '{"method": "record_metering_data", "version": "2.0", "args": {"data": {}}}', /2\.0/],
    ['no data', '{"method": "record_metering_data", "args": {}}', /'data' is missing/],
    ['no arguments', '{"method": "record_metering_data"}', /'args' is missing/],
  ])('with %s is refused', (_, body, reason) => {
    const { samples, refusals } = take(body);
    expect(samples).toEqual([]);
    expect(refusals).toHaveLength(1);
    expect(refusals[0]).toMatchObject({ kind: 'unreadable', reason: expect.stringMatching(reason) });
  });
});

describe('a message among others', () => {
  const good = [line(), line({ form: 'ceilometer' })] as const;

  it.each([
    ['is not an object', 'null', 'unreadable'],
    ['lacks a field', '{}', 'unreadable'],
    ['has a key twice', '{"counter_name": "a", "counter_name": "b"}', 'unreadable'],
    ['is nested 1,000 times', '[{"a":'.repeat(500) + '1' + '}]'.repeat(500), 'unreadable'],
    ['has a number of 5,000 digits', `{"counter_volume": ${'9'.repeat(5_000)}}`, 'unreadable'],
    ['has half a surrogate pair', '{"counter_name": "\\ud800"}', 'unreadable'],
    ['is larger than 1 MiB', `{"a": "${'x'.repeat(1024 * 1024)}"}`, 'unreadable'],
    ['has hostile keys', '{"__proto__": {"counter_name": "x"}, "constructor": 1}', 'unreadable'],
    ['is signed with another secret', line({ key: new Secret('another') }), 'signature-wrong'],
    ['is not signed', line().replace(/,"message_signature":"\w+"/, ''), 'unsigned'],
  ])('that %s does not affect the others', (_, bad, kind) => {
    for (const body of [polling(good[0], bad, good[1]), cast(`[${good[0]}, ${bad}, ${good[1]}]`)]) {
      for (const frame of [body, enveloped(body)]) {
        const { samples, refusals } = take(frame);
        expect(samples.map(({ text }) => text)).toEqual(good);
        expect(refusals.map((refusal) => [refusal.kind, Buffer.from(refusal.bytes!).toString()])).toEqual([
          [kind, bad],
        ]);
      }
    }
  });

  it('is accepted when it is sent again from the dead letters by itself', () => {
    expect(take(good[1]).samples).toHaveLength(1);
  });

  it('keeps its numbers exactly as they are written', () => {
    const { samples } = take(enveloped(polling(line({ form: 'ceilometer', volume: 2n ** 64n - 1n }))));
    expect(samples.map(({ volume }) => volume)).toEqual(['18446744073709551615']);
  });
});

describe('a sample without a volume', () => {
  // ceilometer-polling sends this for a queued image, whose size is null.
  const sampleOfImage = (form: 'ceilometer' | 'canonical', changes: Record<string, unknown> = {}) => {
    const { body } = captures.find(([name]) => name.includes('image.size'))![1];
    const inner = JSON.parse((JSON.parse(body) as { 'oslo.message': string })['oslo.message']) as {
      payload: { samples: Record<string, unknown>[] };
    };
    const { message_signature: _, ...fields } = inner.payload.samples[0]!;
    const message = {
      ...fields,
      counter_volume: null,
      ...(form === 'canonical' && { signature_form: form }),
      ...changes,
    };
    const signer = createSigner({ secret: new Secret('lab-secret'), form });
    const parsed = [...(parseJson(JSON.stringify(message)) as JsonObject)].sort(([a], [b]) => (a < b ? -1 : 1));
    const text =
      signer.writer.head(parsed.length) + parsed.map(([key, value]) => signer.writer.field(key, value)).join('');
    return JSON.stringify({ ...message, message_signature: signer.sign(text) });
  };
  const none = { counterName: 'image.size', resourceId: '87dbbd17-9547-461a-b4d1-da7992f589da' };

  it.each([
    ['of telemetry.polling', (text: string) => enveloped(polling(text)), 'application/json'],
    ['of record_metering_data', (text: string) => cast(text), 'application/json'],
    ['of record_metering_data, several', (text: string) => cast(`[${text}]`), 'application/json'],
    ['alone', (text: string) => text, 'application/json'],
    ['of Nephoscope', (text: string) => `${text}\n`, 'application/x-ndjson'],
  ])('is neither recorded nor a dead letter, %s', (_, frame, contentType) => {
    for (const form of ['ceilometer', 'canonical'] as const) {
      const { samples, refusals, withoutVolume } = take(frame(sampleOfImage(form)), contentType);
      expect({ samples, refusals, withoutVolume }).toEqual({ samples: [], refusals: [], withoutVolume: [none] });
    }
  });

  it('does not affect the others of its message, whichever meter it has', () => {
    const good = line({ form: 'ceilometer' });
    const taken = take(
      polling(sampleOfImage('ceilometer'), good, sampleOfImage('ceilometer', { counter_name: 'memory.usage' })),
    );
    expect(taken.samples.map(({ text }) => text)).toEqual([good]);
    expect(taken.refusals).toEqual([]);
    expect(taken.withoutVolume.map(({ counterName }) => counterName)).toEqual(['image.size', 'memory.usage']);
  });

  it.each([
    [
      'has an invalid signature',
      sampleOfImage('ceilometer').replace('"user_id":null', '"user_id":"x"'),
      'signature-wrong',
    ],
    ['is not signed at all', sampleOfImage('ceilometer').replace(/,"message_signature":"\w+"/, ''), 'unsigned'],
    ['has no time', sampleOfImage('ceilometer', { timestamp: null }), 'unreadable'],
    ['has no resource', sampleOfImage('ceilometer', { resource_id: null }), 'unreadable'],
    ['has an invalid epoch', sampleOfImage('ceilometer', { epoch: 1 }), 'unreadable'],
    ['has a string as its volume', sampleOfImage('ceilometer', { counter_volume: 'None' }), 'unreadable'],
    ['lacks the field', sampleOfImage('ceilometer', { counter_volume: undefined }), 'unreadable'],
  ])('is a dead letter if it %s', (_, text, kind) => {
    const { samples, refusals, withoutVolume } = take(polling(text));
    expect([samples, withoutVolume]).toEqual([[], []]);
    expect(refusals.map((refusal) => [refusal.kind, Buffer.from(refusal.bytes!).toString()])).toEqual([
      [kind, text],
    ]);
  });
});

it.each([
  ['nothing', ''],
  ['no JSON', 'hello'],
  ['an array', '[]'],
  ['a string', '"a"'],
  ['bytes that are not UTF-8', Buffer.from([0x7b, 0xff, 0x7d])],
  ['an empty envelope', '{"oslo.version": "2.0", "oslo.message": ""}'],
  ['an envelope whose content is not a string', '{"oslo.version": "2.0", "oslo.message": {}}'],
  ['an unrelated notification', '{"event_type": "image.create", "payload": {"id": "1"}}'],
  ['a notification without samples', polling()],
  ['samples that are not an array', '{"event_type": "telemetry.polling", "payload": {"samples": {"a": 1}}}'],
  ['no payload', '{"event_type": "telemetry.polling", "payload": null}'],
  ['a document of more than 16 MiB', `{"payload": {"samples": ["${'x'.repeat(16 * 1024 * 1024)}"]}}`],
])('refuses %s with a reason', (_, body) => {
  const { samples, refusals } = take(body);
  expect(samples).toEqual([]);
  expect(refusals).toHaveLength(1);
  expect(refusals[0]?.reason).toMatch(/^unreadable: ./);
});

it('refuses a compressed body that exceeds its limit', () => {
  const body = Buffer.alloc(4 * 1024 * 1024 + 1);
  const refusal = unreadRefusal(new FakeDelivery({ queue: 'metering', body, compression: 'gzip' }));
  expect(refusal?.reason).toBe('unreadable: a compressed message of 4194305 bytes, more than 4194304');
  expect(unreadRefusal(new FakeDelivery({ queue: 'metering', body }))).toBeUndefined();
});

it('turns every message of a hostile body into a sample or a refusal', () => {
  const [, capture] = captures[0]!;
  const inner = (JSON.parse(capture.body) as { 'oslo.message': string })['oslo.message'];
  const change = fc.record({ at: fc.nat(inner.length), cut: fc.nat(20), insert: fc.string({ maxLength: 4 }) });
  fc.assert(
    fc.property(change, fc.boolean(), ({ at, cut, insert }, envelope) => {
      const changed = inner.slice(0, at) + insert + inner.slice(at + cut);
      const { samples, refusals, withoutVolume } = take(envelope ? enveloped(changed) : changed);
      expect(samples.length + refusals.length + withoutVolume.length).toBeGreaterThan(0);
      for (const { text } of samples) expect(verifier.verify(parseJson(text) as JsonObject)).toBe('verified');
    }),
    { numRuns: 300 },
  );
});

describe.each(['cumulative', 'delta', 'gauge'])('a signed %s volume', (type) => {
  const signed = (volume: string) =>
    signJsonMessage(
      new Map(parseJson(line()) as JsonObject)
        .set('counter_type', type)
        .set('counter_volume', new JsonNumber(volume)),
      createSigner({ secret, form: 'canonical' }),
    );
  const after = (first: string, then: string) => {
    const messages = new KnownMessages();
    const take = (text: string) =>
      takeIn(
        new FakeDelivery({
          queue: meteringTopology.queue,
          ...{ routingKey: 'metering.cpu', contentType: 'application/json', body: Buffer.from(text) },
        }),
        { messages, verifier },
      );
    expect(take(first).samples).toHaveLength(1);
    return take(then);
  };

  it.each(['1e999999999', '-1e999999999', '1e100000', '1e-999', '1e400', `0.${'0'.repeat(499)}1`])(
    'of %s is a dead letter, also when its message is otherwise known',
    (volume) => {
      const { samples, refusals } = after(signed('1'), signed(volume));
      expect(samples).toEqual([]);
      expect(refusals).toMatchObject([
        { kind: 'unreadable', count: 1, reason: expect.stringMatching(/counter_volume is .*400 digits/) },
      ]);
    },
  );

  it.each(['-0', '1E+5', '1e30', '1e-30', '1.7976931348623157e+308', '5e-324', '9'.repeat(400)])(
    'of %s is recorded',
    (volume) => {
      expect(after(signed('1'), signed(volume)).samples).toMatchObject([{ volume }]);
    },
  );
});
