import { readdirSync, readFileSync } from 'node:fs';

import {
  createVerifier,
  KnownMessages,
  meteringTopology,
  parseJson,
  readMeteringMessage,
  Secret,
} from '@nephoscope/core';
import type { JsonObject } from '@nephoscope/core';
import { FakeDelivery } from '@nephoscope/testing';
import fc from 'fast-check';

import { takeIn } from '../src/intake.js';
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

describe.each(captures)('what Ceilometer 19 published: %s', (_, capture) => {
  const inner = (JSON.parse(capture.body) as { 'oslo.message': string })['oslo.message'];
  const { payload } = JSON.parse(inner) as { payload: { samples: unknown[] } | unknown[] };
  const expected = Array.isArray(payload) ? payload : payload.samples;

  it.each([
    ['in its envelope', capture.body],
    ['bare', inner],
  ])('is recorded whole, %s', (_, body) => {
    const { samples, refusals } = take(body, capture.content_type);
    expect(refusals).toEqual([]);
    expect(samples.map(({ text }) => JSON.parse(text) as unknown)).toEqual(expected);
  });

  it('verifies again from what is kept of each sample', () => {
    for (const { text } of take(capture.body).samples) {
      expect(inner).toContain(text);
      expect(verifier.verify(readMeteringMessage(text).message)).toBe('verified');
    }
  });

  it('is refused sample by sample when one digit of it was changed', () => {
    const changed = inner.replaceAll(
      /"counter_volume": (\d)/g,
      (_, digit: string) => `"counter_volume": 1${digit}`,
    );
    const { samples, refusals } = take(enveloped(changed));
    expect(samples).toEqual([]);
    expect(refusals.map(({ kind }) => kind)).toEqual(expected.map(() => 'signature-wrong'));
  });

  it('is refused whole, as it came, wherever it is cut off', () => {
    for (let length = 1; length < capture.body.length; length += 211) {
      const body = capture.body.slice(0, length);
      const { samples, refusals } = take(body);
      expect(samples).toEqual([]);
      expect(refusals.map(({ kind, bytes }) => [kind, Buffer.from(bytes).toString()])).toEqual([
        ['unreadable', body],
      ]);
    }
  });
});

describe('the cast of 2012', () => {
  it.each([
    ['a message', (message: string) => cast(message)],
    ['an array of messages', (message: string) => cast(`[${message}]`)],
    ['a message, in the envelope of oslo', (message: string) => enveloped(cast(message))],
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
    ['is no object', 'null', 'unreadable'],
    ['lacks a field', '{}', 'unreadable'],
    ['has a key twice', '{"counter_name": "a", "counter_name": "b"}', 'unreadable'],
    ['is nested 1,000 times', '[{"a":'.repeat(500) + '1' + '}]'.repeat(500), 'unreadable'],
    ['has a number of 5,000 digits', `{"counter_volume": ${'9'.repeat(5_000)}}`, 'unreadable'],
    ['is half a surrogate pair', '{"counter_name": "\\ud800"}', 'unreadable'],
    ['is of more than 1 MiB', `{"a": "${'x'.repeat(1024 * 1024)}"}`, 'unreadable'],
    ['has hostile keys', '{"__proto__": {"counter_name": "x"}, "constructor": 1}', 'unreadable'],
    ['is signed with another secret', line({ key: new Secret('another') }), 'signature-wrong'],
    ['is not signed', line().replace(/,"message_signature":"\w+"/, ''), 'unsigned'],
  ])('that %s costs the others nothing', (_, bad, kind) => {
    for (const body of [polling(good[0], bad, good[1]), cast(`[${good[0]}, ${bad}, ${good[1]}]`)]) {
      for (const frame of [body, enveloped(body)]) {
        const { samples, refusals } = take(frame);
        expect(samples.map(({ text }) => text)).toEqual(good);
        expect(refusals.map((refusal) => [refusal.kind, Buffer.from(refusal.bytes).toString()])).toEqual([
          [kind, bad],
        ]);
      }
    }
  });

  it('is taken again from the dead letters by itself', () => {
    expect(take(good[1]).samples).toHaveLength(1);
  });

  it('keeps its numbers as they stand', () => {
    const { samples } = take(enveloped(polling(line({ form: 'ceilometer', volume: 2n ** 64n - 1n }))));
    expect(samples.map(({ volume }) => volume)).toEqual(['18446744073709551615']);
  });
});

it.each([
  ['nothing', ''],
  ['no JSON', 'hello'],
  ['an array', '[]'],
  ['a text', '"a"'],
  ['bytes that are no UTF-8', Buffer.from([0x7b, 0xff, 0x7d])],
  ['an envelope around nothing', '{"oslo.version": "2.0", "oslo.message": ""}'],
  ['an envelope around no text', '{"oslo.version": "2.0", "oslo.message": {}}'],
  ['a notification of something else', '{"event_type": "image.create", "payload": {"id": "1"}}'],
  ['a notification without samples', polling()],
  ['samples that are no array', '{"event_type": "telemetry.polling", "payload": {"samples": {"a": 1}}}'],
  ['no payload', '{"event_type": "telemetry.polling", "payload": null}'],
  ['a document of more than 32 MiB', `{"payload": {"samples": ["${'x'.repeat(32 * 1024 * 1024)}"]}}`],
])('refuses %s with a reason', (_, body) => {
  const { samples, refusals } = take(body);
  expect(samples).toEqual([]);
  expect(refusals).toHaveLength(1);
  expect(refusals[0]?.reason).toMatch(/^unreadable: ./);
});

it('gives every message of a hostile body an end, as a sample or as a refusal', () => {
  const [, capture] = captures[0]!;
  const inner = (JSON.parse(capture.body) as { 'oslo.message': string })['oslo.message'];
  const change = fc.record({ at: fc.nat(inner.length), cut: fc.nat(20), insert: fc.string({ maxLength: 4 }) });
  fc.assert(
    fc.property(change, fc.boolean(), ({ at, cut, insert }, envelope) => {
      const changed = inner.slice(0, at) + insert + inner.slice(at + cut);
      const { samples, refusals } = take(envelope ? enveloped(changed) : changed);
      expect(samples.length + refusals.length).toBeGreaterThan(0);
      for (const { text } of samples) expect(verifier.verify(parseJson(text) as JsonObject)).toBe('verified');
    }),
    { numRuns: 300 },
  );
});
