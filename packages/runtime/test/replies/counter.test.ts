import type { Counter, Metadata } from '@nephoscope/core';
import { Secret } from '@nephoscope/core/options';
import { createSigner, createVerifier, readMeteringMessage, signMeteringMessage } from '@nephoscope/message';

import { counterReader } from '../../src/replies.js';

const meters = [
  { name: 'cpu', type: 'cumulative', unit: 'ns', description: 'CPU time' },
  { name: 'instance:<flavor>', type: 'gauge', unit: 'instance', description: 'Existence' },
] as const;
const secret = new Secret('a secret of the tests');
const signer = createSigner({ secret, form: 'canonical' });
const verifier = createVerifier({ secrets: [secret] });
const envelope = { source: 'openstack', messageId: 'id', publisherId: 'compute.c1', sequence: 1n };
const good: Counter = {
  name: 'cpu',
  type: 'cumulative',
  unit: 'ns',
  volume: 2n ** 63n + 1n,
  userId: 'u',
  projectId: null,
  resourceId: 'r',
  timestamp: 1_764_000_000_000_000_000n,
  resourceMetadata: { a: 1, b: [true, null, 'ü'], c: { big: 2n ** 70n } },
};
const read = counterReader(meters);
const sign = (counter: Counter) => signMeteringMessage(counter, envelope, signer);
const half = '\ud800';
const deep = (levels: number): Metadata => (levels === 0 ? {} : { a: deep(levels - 1) });
const cyclic: Record<string, unknown> = {};
cyclic['self'] = cyclic;
const metadataThatThrows = Object.defineProperty({}, 'a', {
  enumerable: true,
  get() {
    throw new Error('of the getter');
  },
});

const wrong: Record<string, unknown> = {
  'null instead of a counter': null,
  'a string': 'cpu',
  'a meter of another plugin': { ...good, name: 'memory' },
  'another type': { ...good, type: 'gauge' },
  'another unit': { ...good, unit: 's' },
  'no name': { ...good, name: undefined },
  'an empty variable part': { ...good, name: 'instance:', type: 'gauge', unit: 'instance' },
  'a name with half a surrogate pair': { ...good, name: `instance:${half}`, type: 'gauge', unit: 'instance' },
  'a string as volume': { ...good, volume: '5' },
  'no volume': { ...good, volume: undefined },
  NaN: { ...good, volume: NaN },
  'a negative count': { ...good, volume: -5n },
  'a negative count that is not a bigint': { ...good, volume: -0.5 },
  infinity: { ...good, volume: -Infinity },
  'more values than a reader accepts': { ...good, resourceMetadata: { a: new Array(4_900).fill(0) } },
  'more numeric keys than a reader accepts': {
    ...good,
    resourceMetadata: Object.fromEntries(new Array(1_001).entries()),
  },
  'more digits than a reader accepts': { ...good, volume: 10n ** 400n },
  'a number as user': { ...good, userId: 5 },
  'no project': { ...good, projectId: undefined },
  'an object as project': { ...good, projectId: {} },
  'half a surrogate pair in an id': { ...good, userId: half },
  'no resource id': { ...good, resourceId: '' },
  'a number as resource id': { ...good, resourceId: 7 },
  'a resource id larger than a message': { ...good, resourceId: 'x'.repeat(1024 * 1024) },
  'a timestamp in ms': { ...good, timestamp: Date.now() },
  'a Date': { ...good, timestamp: new Date() },
  'a time beyond 64 bits': { ...good, timestamp: 2n ** 63n },
  'a time before 1678': { ...good, timestamp: -(2n ** 63n) - 1n },
  'no metadata': { ...good, resourceMetadata: undefined },
  'a list as metadata': { ...good, resourceMetadata: [] },
  'a Map as metadata': { ...good, resourceMetadata: new Map() },
  'undefined in metadata': { ...good, resourceMetadata: { a: undefined } },
  'NaN in metadata': { ...good, resourceMetadata: { a: [NaN] } },
  'a Date in metadata': { ...good, resourceMetadata: { a: new Date() } },
  'a function in metadata': { ...good, resourceMetadata: { toJSON: () => '{}' } },
  'a symbol in metadata': { ...good, resourceMetadata: { a: Symbol('x') } },
  'a list with holes': { ...good, resourceMetadata: { a: new Array(3) } },
  'a list of a billion holes': { ...good, resourceMetadata: { a: new Array(1e9) } },
  'bytes in metadata': { ...good, resourceMetadata: { a: new Uint8Array(3) } },
  'cyclic metadata': { ...good, resourceMetadata: cyclic },
  'metadata nested 70 times': { ...good, resourceMetadata: deep(70) },
  'half a surrogate pair in metadata': { ...good, resourceMetadata: { a: half } },
  'half a surrogate pair as a key': { ...good, resourceMetadata: { [half]: 1 } },
  'a number of 5,000 digits in metadata': { ...good, resourceMetadata: { a: 10n ** 5000n } },
  'metadata larger than a message': { ...good, resourceMetadata: { a: 'x'.repeat(70 * 1024 * 1024) } },
  'metadata that exceed a message only in UTF-8': { ...good, resourceMetadata: { a: 'ü'.repeat(600 * 1024) } },
  'a getter that throws': { ...good, resourceMetadata: metadataThatThrows },
  'a counter whose getter throws': Object.defineProperty({}, 'name', {
    get: () => {
      throw new Error('no');
    },
  }),
  'a proxy that refuses everything': new Proxy(
    {},
    {
      get: () => {
        throw new Error('no');
      },
    },
  ),
};

it.each(Object.keys(wrong))('refuses %s, before or during signing', (what) => {
  expect(() => sign(read(wrong[what]).counter)).toThrow();
});

it('is signed so that a collector reads the same values', () => {
  const zero = '\0';
  for (const counter of [
    good,
    { ...good, volume: -0, resourceMetadata: Object.create(null) as Metadata },
    { ...good, volume: 1e-7, resourceId: zero, userId: zero },
    { ...good, timestamp: 2n ** 63n - 1n },
    { ...good, timestamp: -(2n ** 63n) },
    { ...good, name: 'instance:m1:ü', type: 'gauge', unit: 'instance' },
    { ...good, resourceMetadata: JSON.parse('{"__proto__":{"x":1},"constructor":2,"":3}') as Metadata },
    { ...good, volume: 10n ** 399n },
    { ...good, resourceMetadata: deep(60) },
  ]) {
    const { message, sample } = readMeteringMessage(sign(read(counter).counter));
    expect(verifier.verify(message)).toBe('verified');
    expect(sample).toMatchObject({
      meter: counter.name,
      volume: String(counter.volume),
      resourceId: counter.resourceId,
      timestamp: counter.timestamp,
    });
  }
});

it('keeps its values if the plugin changes its objects later', () => {
  const metadata = { a: { b: 'first' } };
  const given = { ...good, resourceMetadata: metadata };
  const first = read(given).counter;
  metadata.a.b = 'second';
  given.volume = 1n;
  const second = read(given).counter;
  expect([first.volume, first.resourceMetadata]).toEqual([good.volume, { a: { b: 'first' } }]);
  expect(second.resourceMetadata).toEqual({ a: { b: 'second' } });
});
