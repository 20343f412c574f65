import fc from 'fast-check';

import type { Counter, Metadata, MetadataValue } from '@nephoscope/core';
import { Secret } from '@nephoscope/core/options';

import {
  createSigner,
  createVerifier,
  formatJson,
  parseJson,
  readMeteringMessage,
  signMeteringMessage,
  signatureForms,
} from '../src/index.js';
import { sampleOf } from '../src/read-metering-message.js';
import type { JsonObject, MeteringEnvelope, SignatureForm } from '../src/index.js';

import { texts } from './values.js';

const secret = new Secret('a shared secret');

const counter: Counter = {
  name: 'cpu',
  type: 'cumulative',
  unit: 'ns',
  volume: 8292646586825371460n,
  userId: 'ea65fc1a9516441e9ed6afe746fe320c',
  projectId: null,
  resourceId: 'bbf42396-86d2-4f4c-b6a1-2821813311b3',
  timestamp: 1795384390194936001n,
  resourceMetadata: {
    name: 'instance-0000000a',
    display_name: 'wéb "1"\n',
    vcpus: 2,
    flavor: { id: '1' },
    tags: ['a', null],
  },
};

const envelope: MeteringEnvelope = {
  source: 'openstack',
  messageId: '725493fa-e6c1-11f1-ae4d-02fc00000001',
  publisherId: 'compute-1',
  sequence: 9007199254740993n,
  epoch: 'compute-1/7/1',
};

const sign = (given: Counter, form: SignatureForm = 'canonical', given2 = envelope): string =>
  signMeteringMessage(given, given2, createSigner({ secret, form }));
const verify = (text: string): string =>
  createVerifier({ secrets: [secret] }).verify(parseJson(text) as JsonObject);

function deepFreeze<T extends MetadataValue>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(value).forEach(deepFreeze);
  return Object.freeze(value);
}

describe('signMeteringMessage', () => {
  it('writes one line of JSON with the documented keys', () => {
    const { epoch: _, ...withoutEpoch } = envelope;
    const text = sign({ ...counter, type: 'gauge', volume: 0.1 }, 'ceilometer', withoutEpoch);
    expect(text).not.toContain('\n');
    expect(JSON.parse(text)).toEqual({
      source: 'openstack',
      counter_name: 'cpu',
      counter_type: 'gauge',
      counter_unit: 'ns',
      counter_volume: 0.1,
      user_id: 'ea65fc1a9516441e9ed6afe746fe320c',
      project_id: null,
      resource_id: 'bbf42396-86d2-4f4c-b6a1-2821813311b3',
      timestamp: '2026-11-22T21:53:10.194936001+00:00',
      resource_metadata: counter.resourceMetadata,
      message_id: '725493fa-e6c1-11f1-ae4d-02fc00000001',
      publisher_id: 'compute-1',
      sequence: Number(9007199254740993n),
      signature_form: 'ceilometer',
      message_signature: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });

  it.each(signatureForms)('is read back exactly, in the %s form', (form) => {
    const text = sign(counter, form);
    expect(verify(text)).toBe('verified');
    expect(readMeteringMessage(text).sample).toEqual({
      messageId: envelope.messageId,
      source: 'openstack',
      meter: 'cpu',
      type: 'cumulative',
      unit: 'ns',
      volume: '8292646586825371460',
      userId: counter.userId,
      projectId: null,
      resourceId: counter.resourceId,
      timestamp: counter.timestamp,
      publisherId: 'compute-1',
      sequence: 9007199254740993n,
      epoch: 'compute-1/7/1',
      text,
    });
  });

  it.each(signatureForms)('can be verified whatever the counter contains, in the %s form', (form) => {
    const metadata = fc.letrec<{ value: MetadataValue; object: Metadata }>((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        texts,
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.bigInt(),
        fc.constantFrom(null, true, false),
        fc.array(tie('value'), { maxLength: 3 }),
        tie('object'),
      ),
      object: fc
        .uniqueArray(fc.tuple(texts, tie('value')), { selector: ([key]) => key, maxLength: 4 })
        .map((entries) => Object.fromEntries(entries)),
    })).object;
    const counters = fc.record<Counter>({
      name: texts.map((text) => `m${text}`),
      type: fc.constantFrom('cumulative', 'delta', 'gauge'),
      unit: texts,
      volume: fc.oneof(fc.bigInt(), fc.double({ noNaN: true, noDefaultInfinity: true })),
      userId: fc.option(texts),
      projectId: fc.option(texts),
      resourceId: texts.map((text) => `r${text}`),
      timestamp: fc.bigInt({ min: 0n, max: 4_000_000_000_000_000_000n }),
      resourceMetadata: metadata,
    });
    fc.assert(
      fc.property(counters, fc.boolean(), (given, freeze) => {
        if (freeze) deepFreeze(given.resourceMetadata);
        const text = sign(given, form);
        expect(text).toBe(sign(given, form));
        expect(verify(text)).toBe('verified');
        const { sample } = readMeteringMessage(text);
        expect(sample).toMatchObject({
          meter: given.name,
          resourceId: given.resourceId,
          timestamp: given.timestamp,
          userId: given.userId,
        });
        expect(typeof given.volume === 'bigint' ? BigInt(sample.volume) : Number(sample.volume)).toBe(
          given.volume === 0 ? 0 : given.volume,
        );
      }),
      { numRuns: 300 },
    );
  });

  it.each(signatureForms)('cannot be verified after any of its fields was changed, in the %s form', (form) => {
    const message = parseJson(sign(counter, form)) as JsonObject;
    for (const key of message.keys()) {
      const changed = new Map(message).set(key, 'another');
      expect([key, verify(formatJson(changed))]).not.toContain('verified');
      changed.delete(key);
      expect([key, verify(formatJson(changed))]).not.toContain('verified');
    }
  });

  it('writes frozen metadata once, and other metadata each time', () => {
    const frozen = deepFreeze({ name: 'a', flavor: { id: '1' } });
    const open: { name: string; flavor: { id: string } } = { name: 'a', flavor: { id: '1' } };
    const half = Object.freeze({ name: 'a', flavor: open.flavor });
    for (const form of signatureForms) {
      for (const resourceMetadata of [frozen, open, half])
        expect(verify(sign({ ...counter, resourceMetadata }, form))).toBe('verified');
      open.flavor.id = form;
      for (const resourceMetadata of [open, half]) {
        const text = sign({ ...counter, resourceMetadata }, form);
        expect(text).toContain(`"flavor":{"id":"${form}"}`);
        expect(verify(text)).toBe('verified');
      }
    }
  });

  it('writes all digits of volumes', () => {
    const volume = (given: number | bigint): string =>
      readMeteringMessage(sign({ ...counter, volume: given })).sample.volume;
    expect(volume(2n ** 64n - 1n)).toBe('18446744073709551615');
    expect(volume(-1n)).toBe('-1');
    expect(volume(1e-7)).toBe('1e-7');
    expect(volume(1e21)).toBe('1e+21');
    expect(volume(-0)).toBe('0');
  });

  it.each([NaN, Infinity, -Infinity])('refuses the volume %d', (volume) => {
    expect(() => sign({ ...counter, volume })).toThrow(expect.objectContaining({ code: 'METER_VOLUME' }) as Error);
  });

  it.each(['cumulative', 'delta', 'gauge'] as const)('refuses %s volumes of more than 400 digits', (type) => {
    for (const volume of [10n ** 400n, -(10n ** 400n), 10n ** 4_300n])
      expect(() => sign({ ...counter, type, volume })).toThrow(
        expect.objectContaining({
          code: 'METER_VOLUME',
          message: expect.stringContaining('more than 400 digits'),
        }) as Error,
      );
    for (const volume of [10n ** 400n - 1n, Number.MAX_VALUE, -Number.MAX_VALUE, Number.MIN_VALUE, 1e-30])
      expect(sign({ ...counter, type, volume })).toContain('"counter_volume":');
  });

  it.each([
    [{ a: { b: [1, NaN] } }, 'resource_metadata.a.b[1] is NaN'],
    [{ a: '\ud83d' }, 'resource_metadata.a holds half a surrogate pair'],
    [{ '\ud83d': 1 }, 'resource_metadata has a key'],
    [{ a: undefined } as unknown as Metadata, 'resource_metadata.a is undefined'],
    [{ a: Symbol('x') } as unknown as Metadata, 'resource_metadata.a is Symbol(x)'],
  ])('refuses metadata that JSON cannot represent: %j', (resourceMetadata, message) => {
    expect(() => sign({ ...counter, resourceMetadata })).toThrow(message);
    expect(() => sign({ ...counter, resourceMetadata })).toThrow(
      expect.objectContaining({ code: 'COUNTER_INVALID' }) as Error,
    );
  });

  it('refuses cyclic metadata, and accepts metadata as deep as can be read', () => {
    const endless: Record<string, MetadataValue> = {};
    endless['self'] = endless;
    expect(() => sign({ ...counter, resourceMetadata: endless })).toThrow(/nested more than 64 deep/);
    const nested = (depth: number): Metadata => (depth === 0 ? {} : { a: nested(depth - 1) });
    expect(verify(sign({ ...counter, resourceMetadata: nested(62) }))).toBe('verified');
    expect(() => sign({ ...counter, resourceMetadata: nested(63) })).toThrow(/nested more than 64 deep/);
  });

  it('accepts as many values in metadata as can be read, and refuses more', () => {
    const named = (count: number, name: (n: number) => string): Metadata =>
      Object.fromEntries(Array.from({ length: count }, (_, n) => [name(n), [n]]));
    const refusal = (resourceMetadata: Metadata) => () => sign({ ...counter, resourceMetadata });
    expect(verify(sign({ ...counter, resourceMetadata: named(2_450, (n) => `k${n}`) }))).toBe('verified');
    expect(refusal(named(2_451, (n) => `k${n}`))).toThrow(/more than 4900 values/);
    expect(verify(sign({ ...counter, resourceMetadata: named(1_000, String) }))).toBe('verified');
    expect(refusal(named(1_001, String))).toThrow(/more than 1000 keys that are digits alone/);
  });

  it("refuses metadata whose text in Ceilometer's form is much longer than the message", () => {
    const resourceMetadata: Metadata = {
      ['k'.repeat(10_000)]: Object.fromEntries(Array.from({ length: 1_000 }, (_, n) => [`v${n}`, n])),
    };
    expect(verify(sign({ ...counter, resourceMetadata }))).toBe('verified');
    const signer = createSigner({ secret, form: 'ceilometer' });
    const inForm = () => signMeteringMessage({ ...counter, resourceMetadata }, envelope, signer);
    expect(inForm).toThrow(/cannot be signed: .* more than 4194304 characters/);
    expect(inForm).toThrow(expect.objectContaining({ code: 'COUNTER_INVALID' }) as Error);
  });

  it('refuses other texts that JSON cannot represent', () => {
    expect(() => sign({ ...counter, userId: 'x\udc00' })).toThrow(
      /user_id of a counter holds half a surrogate pair/,
    );
  });
});

describe('readMeteringMessage', () => {
  const fields: Record<string, unknown> = JSON.parse(sign({ ...counter, volume: 3 })) as Record<string, unknown>;
  const read = (changes: Record<string, unknown>) =>
    readMeteringMessage(JSON.stringify({ ...fields, ...changes }));

  it.each(['counter_name', 'counter_type', 'counter_volume', 'resource_id', 'message_id', 'timestamp'])(
    'requires %s',
    (key) => {
      expect(() => read({ [key]: undefined })).toThrow(`unreadable metering message: ${key} is missing`);
      expect(() => read({ [key]: null })).toThrow(
        new RegExp(`${key} is (not a string|null: nothing was measured)`),
      );
      expect(() => read({ [key]: ['x'] })).toThrow(
        expect.objectContaining({ code: 'MESSAGE_UNREADABLE' }) as Error,
      );
    },
  );

  it('reports a missing volume only for an otherwise valid message', () => {
    expect(() => read({ counter_volume: null })).toThrow(
      expect.objectContaining({ code: 'SAMPLE_WITHOUT_VOLUME' }) as Error,
    );
    for (const key of ['counter_type', 'timestamp', 'user_id', 'epoch', 'sequence'])
      expect(() => read({ counter_volume: null, [key]: ['x'] })).toThrow(
        expect.objectContaining({ code: 'MESSAGE_UNREADABLE' }) as Error,
      );
  });

  it.each([
    ['counter_type', 'counter', 'counter_type is not one of cumulative, delta, gauge'],
    ['counter_volume', '1', 'counter_volume is not a number'],
    ['message_id', '', 'message_id is not a string'],
    ['timestamp', '2026-02-30T00:00:00', "timestamp '2026-02-30T00:00:00' is not an ISO 8601 time"],
    ['timestamp', '2263-01-01T00:00:00', 'not between the years 1678 and 2262'],
    ['user_id', 7, 'user_id is not a string'],
    ['project_id', {}, 'project_id is not a string'],
    ['counter_unit', true, 'counter_unit is not a string'],
    ['source', [], 'source is not a string'],
    ['publisher_id', 1, 'publisher_id is not a string'],
    ['epoch', 1, 'epoch is not a string'],
    ['sequence', 'x', 'sequence is not an integer'],
    ['sequence', -1, 'sequence is not an integer'],
    ['sequence', 1.5, 'sequence is not an integer'],
    ['sequence', 9223372036854776000, 'sequence is not an integer'],
    ['resource_metadata', [], 'resource_metadata is not an object'],
    ['resource_metadata', 'x', 'resource_metadata is not an object'],
  ])('refuses %s = %j', (key, value, message) => {
    expect(() => read({ [key]: value })).toThrow(message);
  });

  it.each(['', '{', '[]', '1', 'null', '{"counter_name":"a","counter_name":"a"}', '\ud800'])(
    'refuses %j',
    (text) => {
      expect(() => readMeteringMessage(text)).toThrow(
        expect.objectContaining({ code: 'MESSAGE_UNREADABLE' }) as Error,
      );
    },
  );

  it('reads a message as Ceilometer sends it', () => {
    const text =
      '{"source": "openstack", "counter_name": "cpu_util", "counter_type": "gauge", "counter_volume": 1e-07, "user_id": null, ' +
      '"resource_id": "x", "timestamp": "2012-12-06T14:57:03.1", "resource_metadata": {"a": 1.0}, "message_id": "1", "monotonic_time": null}';
    expect(readMeteringMessage(text).sample).toEqual({
      messageId: '1',
      source: 'openstack',
      meter: 'cpu_util',
      type: 'gauge',
      unit: null,
      volume: '1e-07',
      userId: null,
      projectId: null,
      resourceId: 'x',
      timestamp: 1354805823100000000n,
      publisherId: null,
      sequence: null,
      epoch: null,
      text,
    });
  });

  it('reads a message from an envelope, and its stored text can be verified', () => {
    const inner = sign(counter, 'ceilometer');
    const message = (
      (parseJson(`{"payload": {"samples": [ ${inner} ]}}`) as JsonObject).get('payload') as JsonObject
    ).get('samples') as JsonObject[];
    const text = formatJson(message[0] as JsonObject);
    expect(sampleOf(message[0] as JsonObject, text)).toEqual(readMeteringMessage(text).sample);
    expect(verify(text)).toBe('verified');
  });
});
