import fc from 'fast-check';
import { z } from 'zod';

import type { Clock, Counter } from '@nephoscope/core';
import { Secret } from '@nephoscope/core/options';

import {
  ceilometerWire,
  createSigner,
  createVerifier,
  MeteringBatch,
  meteringContentType,
  meteringTexts,
  nephoscopeWire,
  readMeteringMessage,
  signMeteringMessage,
} from '../src/index.js';

import { signatureFitsWire, signatureFormOf, wireOptions } from '@nephoscope/runtime';

import { texts } from './values.js';

const secret = new Secret('lab-secret');
const signer = createSigner({ secret, form: 'ceilometer' });
const clock: Clock = {
  now: () => 1_795_385_400_005_925_999n,
  monotonic: () => 0n,
  sleep: () => Promise.reject(new Error('nobody sleeps here')),
};
const wire = ceilometerWire({ publisherId: 'compute.host-1/a', clock });

const counter: Counter = {
  name: 'cpu',
  type: 'cumulative',
  unit: 'ns',
  volume: 2n ** 64n - 1n,
  userId: null,
  projectId: 'p',
  resourceId: 'vm-1',
  timestamp: 1_795_381_200_123_456_789n,
  resourceMetadata: { name: 'naïve "☃" 🙂\n', empty: {} },
};

const signed = (of: Partial<Counter> = {}) =>
  signMeteringMessage(
    { ...counter, ...of },
    { source: 'openstack', messageId: 'id-1', publisherId: 'compute.host-1/a', sequence: 7n, epoch: 'boot/1' },
    signer,
  );

function bodiesOf(messages: readonly string[], on = wire) {
  const batch = new MeteringBatch(on);
  for (const message of messages) batch.add(message);
  return batch.bodies();
}

interface Notification {
  readonly payload: { readonly samples: readonly Record<string, unknown>[] };
  readonly [key: string]: unknown;
}

function notificationIn(bytes: Uint8Array): Notification {
  const envelope = JSON.parse(Buffer.from(bytes).toString()) as Record<string, string>;
  expect(Object.keys(envelope)).toEqual(['oslo.version', 'oslo.message']);
  expect(envelope['oslo.version']).toBe('2.0');
  return JSON.parse(envelope['oslo.message']!) as Notification;
}

describe("in Ceilometer's wire form", () => {
  it('samples are sent in notifications like those of its polling agents', () => {
    const [body] = bodiesOf([signed(), signed({ resourceId: 'vm-2' })]);
    expect(body?.lines).toBe(2);
    const { payload, message_id, _unique_id, ...rest } = notificationIn(body!.bytes);
    expect(rest).toEqual({
      publisher_id: 'compute.host-1/a',
      event_type: 'telemetry.polling',
      priority: 'SAMPLE',
      timestamp: '2026-11-22 22:10:00.005925',
    });
    expect(message_id).toMatch(/^[0-9a-f-]{36}$/);
    expect(_unique_id).toMatch(/^[0-9a-f]{32}$/);
    expect(payload.samples.map(({ resource_id }) => resource_id)).toEqual(['vm-1', 'vm-2']);
    // What its notification agent reads from each.
    expect(Object.keys(payload.samples[0]!)).toEqual(
      expect.arrayContaining([
        ...['counter_name', 'counter_type', 'counter_unit', 'counter_volume', 'user_id', 'project_id'],
        ...['resource_id', 'timestamp', 'resource_metadata', 'source', 'message_id', 'message_signature'],
      ]),
    );
  });

  it('each body is a separate notification', () => {
    const bodies = bodiesOf(Array.from({ length: 300 }, () => signed()));
    expect(bodies.length).toBeGreaterThan(1);
    const ids = bodies
      .map(({ bytes }) => notificationIn(bytes))
      .map(({ message_id, _unique_id }) => [message_id, _unique_id]);
    expect(new Set(ids.flat()).size).toBe(bodies.length * 2);
  });

  it('all meters have the same routing key', () => {
    expect([wire.routingKey('cpu'), wire.contentType]).toEqual(['notifications.sample', 'application/json']);
  });

  it('volumes keep all their digits, and signatures stay valid', () => {
    const verifier = createVerifier({ secrets: [secret], forms: ['ceilometer'] });
    const messages = fc.array(
      fc.record({
        volume: fc.oneof(fc.bigInt(), fc.double({ noNaN: true, noDefaultInfinity: true })),
        name: texts,
      }),
      { minLength: 1, maxLength: 5 },
    );
    fc.assert(
      fc.property(messages, (given) => {
        const sent = given.map(({ volume, name }) => signed({ volume, resourceMetadata: { name } }));
        const got = bodiesOf(sent).flatMap(({ bytes }) => [...meteringTexts(bytes, wire.contentType)]);
        expect(got).toEqual(sent);
        for (const text of sent) expect(verifier.verify(readMeteringMessage(text).message)).toBe('verified');
      }),
    );
  });

  it.each([
    ['Ceilometer', wire],
    ['us', nephoscopeWire],
  ])('bodies for %s have at most 127 KiB, with a longer message on its own', (_, on) => {
    const message = fc
      .integer({ min: 1, max: 150_000 })
      .map((length) => JSON.stringify({ counter_name: 'é"'.repeat(length / 4) }));
    fc.assert(
      fc.property(fc.array(message, { maxLength: 8 }), (given) => {
        const bodies = bodiesOf(given, on);
        expect(bodies.flatMap(({ bytes }) => [...meteringTexts(bytes, on.contentType)])).toEqual(given);
        for (const { bytes, lines } of bodies) expect(bytes.length <= 127 * 1024 || lines === 1).toBe(true);
      }),
      { numRuns: 50 },
    );
  });
});

it('accepts a content type in any usual spelling', () => {
  const [body] = bodiesOf([signed()], nephoscopeWire);
  for (const type of [meteringContentType, 'Application/X-NDJSON; charset=utf-8', undefined, 'text/plain'])
    expect([...meteringTexts(body!.bytes, type)]).toEqual([signed()]);
  expect([...meteringTexts(Buffer.from(signed()), 'application/json; charset=utf-8')]).toEqual([signed()]);
});

describe('the options', () => {
  const options = z.strictObject(wireOptions).refine(...signatureFitsWire);

  it.each([
    [{}, 'canonical'],
    [{ signature: 'ceilometer' }, 'ceilometer'],
    [{ wire: 'ceilometer' }, 'ceilometer'],
    [{ wire: 'ceilometer', signature: 'ceilometer' }, 'ceilometer'],
  ])('%j lead to signatures in the %s form', (given, form) => {
    expect(signatureFormOf(options.parse(given))).toBe(form);
  });

  it('refuse a signature that Ceilometer does not support', () => {
    const { error } = options.safeParse({ wire: 'ceilometer', signature: 'canonical' });
    expect(error?.issues).toMatchObject([
      { path: ['signature'], message: expect.stringContaining('wire: ceilometer') },
    ]);
  });
});
