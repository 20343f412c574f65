import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import type { Sample } from '@nephoscope/core/sample-store';
import {
  createVerifier,
  maxMeteringLineBytes,
  meteringContentType,
  meteringTexts,
  meteringTopology,
} from '@nephoscope/message';

import { KnownMessages } from '../../src/known/known-messages.js';
import { FakeDelivery } from '@nephoscope/testing';

import { exact } from '../../../message/test/values.js';
import { maxRefusals, takeIn } from '../../src/intake.js';
import { line, secret } from '../support.js';
import { hostileMessages, labSecret } from './hostile-messages.js';

const readers = { messages: new KnownMessages(), verifier: createVerifier({ secrets: [secret, labSecret] }) };
const MiB = 1024 * 1024;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const take = (body: Uint8Array, contentType: string | undefined) =>
  takeIn(new FakeDelivery({ queue: meteringTopology.queue, contentType, body }), readers);

const same = (a: Uint8Array, b: string | Uint8Array) => Buffer.compare(a, Buffer.from(b)) === 0;

// All work in this file is bounded: anything that takes more than linear time ends in the time-out.
const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31);
const count = 40_000;

it(`reads or refuses each of ${count} hostile messages, and retains nothing of them (FUZZ_SEED=${seed})`, () => {
  const next = hostileMessages(seed);
  const found = { samples: 0, refusals: 0 };
  /** The signed messages, by id. */
  const known = new Map<string, string>();
  // A signature covers a number's value, not whether it is written as 1, 1.0 or 10e-1.
  const essence = ({ meter, type, unit, volume, resourceId, projectId, timestamp, sequence }: Sample) =>
    [meter, type, unit, exact(volume), resourceId, projectId, timestamp, sequence].join('|');
  let baseline = 0;
  for (let n = 0; n < count; n++) {
    const { body, contentType } = next();
    const { samples, refusals } = take(body, contentType);
    found.samples += samples.length;
    found.refusals += refusals.length;
    const wrong = `message ${n}`;
    const texts = [...meteringTexts(body, contentType)];
    const good = new Set(samples.map(({ text }) => text));
    const bad = texts.filter((text) => typeof text !== 'string' || !good.has(text));
    // Each part is either a sample or a refusal, in order and byte by byte.
    if (texts.length > 0 && samples.length + refusals.length !== texts.length)
      throw new Error(`${wrong}: ${texts.length} texts, ${samples.length} samples, ${refusals.length} refusals`);
    if (texts.length === 0 && refusals[0]!.bytes !== undefined)
      throw new Error(`${wrong} is not refused as it came`);
    for (const [at, text] of bad.entries()) {
      const { bytes, reason } = refusals[at]!;
      if (!same(bytes!, typeof text === 'string' ? text : text.bytes)) throw new Error(`${wrong}: other bytes`);
      if (!/^[a-z-]+: ./.test(reason)) throw new Error(`${wrong}: no reason in '${reason}'`);
    }
    // Only what was signed is verified.
    for (const sample of samples) {
      const before = known.get(sample.messageId) ?? essence(sample);
      known.set(sample.messageId, before);
      if (before !== essence(sample)) throw new Error(`${wrong}: ${essence(sample)} was signed as ${before}`);
    }
    if (n === count / 5) {
      collectGarbage();
      baseline = process.memoryUsage().heapUsed;
    }
  }
  collectGarbage();
  const grown = process.memoryUsage().heapUsed - baseline;
  expect(found.samples).toBeGreaterThan(count / 10);
  expect(found.refusals).toBeGreaterThan(count / 10);
  expect(known.size).toBeLessThan(300);
  expect(grown).toBeLessThan(8 * MiB);
}, 60_000);

const long = (text: string, length: number) => text.repeat(Math.ceil(length / text.length)).slice(0, length);

describe.each([
  ['one line', meteringContentType, maxMeteringLineBytes],
  ['one document', 'application/json', 31 * MiB],
])('as %s', (_, contentType, length) => {
  it.each([
    ['brackets', (n: number) => long('[', n)],
    ['objects in objects', (n: number) => long('{"a":', n)],
    ['quotes', (n: number) => long('"', n)],
    ['backslashes', (n: number) => `{"a":"${long('\\', n)}`],
    ['escaped quotes', (n: number) => `{"a":"${long('\\"', n)}`],
    ['escapes', (n: number) => `{"a":"${long('\\u0000', n - (n % 6))}"}`],
    ['blanks', (n: number) => `{"a"${long(' ', n)}`],
    ['digits', (n: number) => `{"counter_volume":${long('9', n)}}`],
    ['digits with an exponent', (n: number) => `{"counter_volume":1e${long('9', n)}}`],
    ['keys', (n: number) => `{${long('"k":1,', n - 9)}"l":1}`],
    ['different keys', (n: number) => `{${Array.from({ length: n >> 4 }, (_, k) => `"${k}":1`).join(',')}}`],
    ['items', (n: number) => `{"payload":[${long('1,', n - 20)}1]}`],
    ['empty messages', (n: number) => `{"payload":[${long('{},', 3 * Math.floor(n / 3) - 30)}{}]}`],
    [
      'digits for a time',
      (n: number) => line().replace(/"timestamp":"[^"]*"/, `"timestamp":"${long('1', n - 999)}"`),
    ],
    ['a signature', (n: number) => line().replace(/"message_signature":"/, `$&${long('a', n - 999)}`)],
    [
      'metadata',
      (n: number) => line().replace('"resource_metadata":{}', `"resource_metadata":{"a":"${long('é', n / 3)}"}`),
    ],
  ])(
    'refuses a body of %s at the maximum size',
    (_, make) => {
      const body = Buffer.from(make(length - 1_000));
      const { samples, refusals } = take(body, contentType);
      expect(samples).toEqual([]);
      expect(refusals.length).toBeGreaterThan(0);
      expect(refusals.length).toBeLessThanOrEqual(maxRefusals);
    },
    20_000,
  );
});

it('refuses millions of bad lines together, and records the good ones before them', () => {
  const good = line();
  const body = Buffer.from(`${good}\n${'x\n'.repeat(7 * MiB)}`);
  const { samples, refusals } = take(body, meteringContentType);
  expect(samples.map(({ text }) => text)).toEqual([good]);
  expect(refusals).toHaveLength(1);
  expect(refusals[0]).toMatchObject({ kind: 'unreadable', count: maxRefusals + 1 });
  expect(refusals[0]!.reason).toMatch(/the first of more than 1000 bad messages in this one/);
  // The whole message, unchanged.
  expect(refusals[0]!.bytes).toBeUndefined();
});
