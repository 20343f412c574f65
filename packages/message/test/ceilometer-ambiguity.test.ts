import { readFileSync, readdirSync } from 'node:fs';

import { isNephoscopeError } from '@nephoscope/core';
import type { Counter } from '@nephoscope/core';
import { Secret } from '@nephoscope/core/options';
import type { Sample } from '@nephoscope/core/sample-store';

import {
  JsonNumber,
  createSigner,
  createVerifier,
  formatJson,
  isJsonObject,
  meteringTexts,
  parseJson,
  readMeteringMessage,
  signMeteringMessage,
  signedMessage,
} from '../src/index.js';
import type { JsonObject, JsonValue } from '../src/index.js';

import { ceilometerAmbiguity } from '../src/ceilometer-ambiguity.js';
import { ceilometerForm } from '../src/ceilometer-form.js';
import { inKeyOrder } from '../src/key-order.js';
import { signedText } from '../src/signed-message.js';

const folder = new URL('../../collector/test/data/ceilometer/', import.meta.url);
/** Messages that Ceilometer's agents sent. */
const captured = readdirSync(folder)
  .map((name) => JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as { body: string })
  .flatMap(({ body }) => [...meteringTexts(Buffer.from(body), 'application/json')])
  .filter((text) => typeof text === 'string');

const secret = new Secret('lab-secret');
const verifier = createVerifier({ secrets: [secret] });
const signer = createSigner({ secret, form: 'ceilometer' });

const counter: Counter = {
  name: 'cpu',
  type: 'cumulative',
  unit: 'ns',
  volume: 133_400_000_000n,
  userId: 'u-1',
  projectId: 'p-1',
  resourceId: 'vm-1',
  timestamp: 1_795_381_200_194_936_000n,
  resourceMetadata: { display_name: 'source, user_id and a timestamp2026', vcpus: 2, 'user:id': null, z: '' },
};
const ours = signMeteringMessage(
  counter,
  { source: 'openstack', messageId: 'm-1', publisherId: 'compute.h/1', sequence: 7n, epoch: 'boot/3' },
  signer,
);
const derived = signMeteringMessage(
  { ...counter, volume: 1e-7 },
  { source: 'openstack', messageId: 'm-2', publisherId: 'central.h' },
  signer,
);

/** Signed again with these members changed or, if they are undefined, removed. */
function changed(text: string, changes: Readonly<Record<string, JsonValue | undefined>>): JsonObject {
  const message = new Map(parseJson(text) as JsonObject);
  for (const [key, value] of Object.entries(changes))
    if (value === undefined) message.delete(key);
    else message.set(key, value);
  return message.set('message_signature', signer.sign(signedText(ceilometerForm, message)));
}

describe("a message in Ceilometer's form", () => {
  it.each([...captured, ours, derived].map((text, index) => ({ index, text })))(
    'is unambiguous as agents write it ($index)',
    ({ text }) => {
      const message = parseJson(text) as JsonObject;
      expect(verifier.verify(message)).toBe('verified');
      expect(signedMessage(message).ambiguity()).toBeUndefined();
    },
  );

  it.each([
    ['a member that is unknown', { note: 'x' }, /'note'/],
    ['a member of ours alone', { epoch: 'x' }, /'epoch'/],
    ['no project', { project_id: undefined }, /project_id is missing/],
    ['no metadata', { resource_metadata: undefined }, /resource_metadata is missing/],
    ['metadata that are none', { resource_metadata: null }, /resource_metadata is not an object/],
    [
      'a project within its id',
      { message_id: 'xproject_idp' },
      /message_id holds the name of the member project_id/,
    ],
    ['a source within its source', { source: 'xsourcey' }, /source holds/],
    ['a text for null', { user_id: 'None' }, /'None'/],
    ['a text for a time', { monotonic_time: '5' }, /monotonic_time is not a number/],
    ['digits beyond a double', { counter_volume: new JsonNumber('1.00000000000000000000001') }, /digit by digit/],
    ['a volume beyond all doubles', { counter_volume: new JsonNumber('1e999') }, /digit by digit/],
    [
      'such a number in its metadata',
      { resource_metadata: new Map([['a', [new JsonNumber('0.10000000000000000000001')]]]) },
      /resource_metadata is a number that/,
    ],
  ] as [string, Record<string, JsonValue | undefined>, RegExp][])('is ambiguous with %s', (_, changes, why) => {
    const message = changed(captured[0] as string, changes);
    expect(verifier.verify(message)).toBe('verified');
    expect(ceilometerAmbiguity(message)).toMatch(why);
  });

  it('is ambiguous if its metadata contains the name and value of a removed member', () => {
    const fields = parseJson(ours) as JsonObject;
    const cut = new Map(fields);
    cut.delete('sequence');
    cut.set('resource_metadata', new Map(fields.get('resource_metadata') as JsonObject).set('z', 'sequence7'));
    expect(verifier.verify(cut)).toBe('verified');
    expect(ceilometerAmbiguity(cut)).toMatch(/resource_metadata holds the name of the member sequence/);
  });

  it('is never ambiguous in the canonical form', () => {
    const text = signMeteringMessage(
      { ...counter, projectId: 'None' },
      { source: 'source', messageId: 'm', publisherId: 'user_id' },
      createSigner({ secret, form: 'canonical' }),
    );
    expect(signedMessage(parseJson(text) as JsonObject).ambiguity()).toBeUndefined();
  });
});

// An attacker who can read messages on the bus looks for a different message with the same signed text.
const columns = [
  ...(['messageId', 'source', 'meter', 'type', 'unit', 'volume', 'userId', 'projectId', 'resourceId'] as const),
  ...(['timestamp', 'publisherId', 'sequence', 'epoch'] as const),
];
const signed = (message: JsonObject) => signedText(ceilometerForm, message);

function fieldsOf(sample: Sample): unknown[] {
  return columns.map((column) => (column === 'volume' ? Number(sample.volume) : sample[column]));
}

it('with the same signed text as another one is recognised as ambiguous, however the text is divided', () => {
  const { next, pick } = randomNumbers(20_261_127);
  let verified = 0;
  for (let round = 0; round < Number(process.env['CUTS'] ?? 2_000); round++) {
    const text = pick([...captured, ours, derived]);
    const original = parseJson(text) as JsonObject;
    const message = new Map(original);
    for (let times = 1 + next(3); times > 0; times--) cut(message, next, pick);
    if (signed(message) === signed(original)) verified += 1;
    if (verifier.verify(message) !== 'verified' || ceilometerAmbiguity(message) !== undefined) continue;
    let sample: Sample;
    try {
      ({ sample } = readMeteringMessage(formatJson(message)));
    } catch (error) {
      if (isNephoscopeError(error)) continue;
      throw error;
    }
    expect(fieldsOf(sample)).toEqual(fieldsOf(readMeteringMessage(text).sample));
  }
  // Enough of them must have the same signed text for the test to be meaningful.
  expect(verified).toBeGreaterThan(1_000);
});

/** One change after which the signed text is usually the same. */
function cut(
  message: Map<string, JsonValue>,
  next: (below: number) => number,
  pick: <T>(of: readonly T[]) => T,
): void {
  const members = [...inKeyOrder(message)].filter(([key]) => key !== 'message_signature');
  const at = next(members.length - 1);
  const [key, value] = members[at] as [string, JsonValue];
  const [nextKey, nextValue] = members[at + 1] as [string, JsonValue];
  const textOf = (name: string, of: JsonValue) => signed(new Map([[name, of]]));
  switch (next(7)) {
    case 0: // It becomes the end of the preceding value.
    case 1:
      message.delete(nextKey);
      message.set(key, textOf(key, value).slice(key.length) + textOf(nextKey, nextValue));
      return;
    case 2: // A part of the value becomes part of the key.
      message.delete(key);
      return void message.set(
        textOf(key, value).slice(0, key.length + 1 + next(3)),
        textOf(key, value).slice(key.length + 2),
      );
    case 3: // A string for a value that is printed in the same way, or the reverse.
      if (!isJsonObject(value) && typeof value !== 'string')
        message.set(key, textOf(key, value).slice(key.length));
      else if (value === 'None') message.set(key, null);
      else if (typeof value === 'string' && /^[1-9]\d*$/.test(value)) message.set(key, new JsonNumber(value));
      return;
    case 4: // Digits beyond those of a double.
      if (value instanceof JsonNumber && value.text.includes('.'))
        message.set(key, new JsonNumber(`${value.text}${'0'.repeat(30)}${next(2)}`));
      return;
    case 5: // An empty object adds nothing to the signed text.
      return void message.set(pick(['epoch', 'publisher_id', 'user_name', 'note', 'project_name']), new Map());
    default: {
      // What follows the metadata becomes the end of its last value.
      const metadata = message.get('resource_metadata');
      if (!isJsonObject(metadata)) return;
      const behind = members.filter(([name]) => name > 'resource_metadata');
      const taken = behind.slice(0, 1 + next(behind.length));
      const last = [...inKeyOrder(metadata)].at(-1);
      if (last === undefined || isJsonObject(last[1])) return;
      for (const [name] of taken) message.delete(name);
      const tail = taken.map(([name, of]) => textOf(name, of)).join('');
      message.set('resource_metadata', new Map(metadata).set(last[0], textOf('', last[1]) + tail));
    }
  }
}

function randomNumbers(seed: number) {
  let state = seed;
  const next = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
  return { next, pick: <T>(of: readonly T[]) => of[next(of.length)] as T };
}
