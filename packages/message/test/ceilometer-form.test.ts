import { readFileSync } from 'node:fs';

import { isNephoscopeError } from '@nephoscope/core';
import { Secret } from '@nephoscope/core/options';

import { createVerifier, parseJson, splitMeteringBatch } from '../src/index.js';

import { ceilometerForm } from '../src/ceilometer-form.js';
import { JsonNumber, isJsonObject } from '../src/json.js';
import type { JsonObject, JsonValue } from '../src/json.js';
import { signedText } from '../src/signed-message.js';

interface Vector {
  readonly json: string;
  readonly secret: string;
  readonly signature: string;
}

/** Messages signed by Ceilometer itself. */
const vectors = readFileSync(new URL('data/ceilometer-signatures.jsonl', import.meta.url), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as Vector);

const signedJson = ({ json, signature }: Vector): string =>
  `${json.slice(0, -1)}, "message_signature": "${signature}"}`;
const verifierOf = ({ secret }: Vector) => createVerifier({ secrets: [new Secret(secret)] });
const text = (json: string): string => signedText(ceilometerForm, parseJson(json) as JsonObject);

/** What Python's json.loads returns for a message: integers of any size, doubles, and objects without an order. */
function asPythonReads(value: JsonValue): unknown {
  if (value instanceof JsonNumber)
    return /[.eE]/.test(value.text) ? { float: Number(value.text) } : { int: BigInt(value.text) };
  if (isJsonObject(value)) return new Map(Array.from(value, ([key, item]) => [key, asPythonReads(item)]));
  return Array.isArray(value) ? value.map(asPythonReads) : value;
}

describe('the Ceilometer form', () => {
  it('has test vectors', () => {
    expect(vectors).toHaveLength(60);
  });

  it.each(vectors.map((vector, index) => ({ index, vector })))('verifies vector $index', ({ vector }) => {
    expect(verifierOf(vector).verify(parseJson(signedJson(vector)) as JsonObject)).toBe('verified');
  });

  it('does not verify a vector with another secret', () => {
    const verifier = createVerifier({ secrets: [new Secret('another')] });
    for (const vector of vectors) {
      expect(verifier.verify(parseJson(signedJson(vector)) as JsonObject)).toBe('signature-wrong');
    }
  });

  // Of all messages that differ from a signed one in one byte, exactly those are verified that have the same meaning in
  // Python: with a different blank, a hexadecimal digit of an escape in the other case, an e for an E, or a digit of a
  // float so far to the right that it is the same double.
  it.each([0, 2])('detects each change of one byte that changes the message, vector %i', (index) => {
    const vector = vectors[index] as Vector;
    const verifier = verifierOf(vector);
    const original = Buffer.from(signedJson(vector));
    const meaning = asPythonReads(parseJson(original.toString()));
    const verified: string[] = [];
    for (let at = 0; at < original.length; at += 1) {
      for (let mask = 1; mask < 256; mask += 1) {
        const changed = Buffer.from(original);
        changed[at] = (original[at] as number) ^ mask;
        // A byte that becomes a line feed divides it into two lines, neither of which is JSON.
        for (const line of splitMeteringBatch(changed)) {
          if (typeof line !== 'string') continue;
          let message: JsonValue;
          try {
            message = parseJson(line);
          } catch (error) {
            if (isNephoscopeError(error, 'JSON_INVALID')) continue;
            throw error;
          }
          if (isJsonObject(message) && verifier.verify(message) === 'verified') verified.push(line);
        }
      }
    }
    for (const line of verified) expect(asPythonReads(parseJson(line))).toEqual(meaning);
    // Each blank may at least be a tab or a carriage return.
    expect(verified.length).toBeGreaterThanOrEqual(2 * vector.json.split('": ').length);
  });

  it.each([
    ['{"a":"bc"}', '{"ab":"c"}'],
    ['{"a":{"b":"x"}}', '{"a:b":"x"}'],
    ['{"a":null}', '{"a":"None"}'],
    ['{"a":1.0}', '{"a":1.00}'],
    ['{"a":1.0}', '{"a":"1.0"}'],
    ['{"a":1,"b":{}}', '{"a":1}'],
  ])('does not distinguish %s from %s', (one, other) => {
    expect(text(one)).toBe(text(other));
  });

  it.each([
    ['8292646586825371460', '8292646586825371460'],
    ['123456789012345678901234567890', '123456789012345678901234567890'],
    ['-0', '0'],
    ['-0.0', '-0.0'],
    ['0e5', '0.0'],
    ['1.0', '1.0'],
    ['1', '1'],
    ['1e5', '100000.0'],
    ['1e-7', '1e-07'],
    ['0.0001', '0.0001'],
    ['0.00001234', '1.234e-05'],
    ['9999999999999998.0', '9999999999999998.0'],
    ['1e16', '1e+16'],
    ['4.581468000997244e+21', '4.581468000997244e+21'],
    ['123456789012345680000.0', '1.2345678901234568e+20'],
    ['5e-324', '5e-324'],
    ['1e999', 'inf'],
    ['-1e999', '-inf'],
    ['1e-999', '0.0'],
    ['true', 'True'],
    ['false', 'False'],
    ['null', 'None'],
    ['[]', '[]'],
    ['[[], {}]', '[[], {}]'],
    [
      '["a", 1, 1.0, -0.0, null, true, {"z": "1", "k": "é"}]',
      "[b'a', 1, 1.0, -0.0, None, True, {b'k': b'\\xc3\\xa9', b'z': b'1'}]",
    ],
    ['["it\'s"]', '[b"it\'s"]'],
    ['["it\'s \\"x\\""]', "[b'it\\'s \"x\"']"],
    ['["\\"", "\\\\", "\\n\\r\\t\\u0000\\u007f ~"]', "[b'\"', b'\\\\', b'\\n\\r\\t\\x00\\x7f ~']"],
    ['{}', null],
    ['{"b":{"c":1},"b!":2}', 'v:b:c1v:b!2'],
  ])('prints %s as Python does', (json, printed) => {
    const body = printed === null ? '' : printed.startsWith('v:') ? printed : `v${printed}`;
    expect(text(`{"v":${json}}`)).toBe(body);
  });

  it('refuses a message whose signed text would be far longer than the message, before building it', () => {
    const members = Array.from({ length: 3_000 }, (_, n) => `"${n}x":0`).join(',');
    expect(text(`{"v":{${members}}}`).length).toBe(22_890);
    expect(() => text(`{"${'k'.repeat(1_000_000)}":{${members}}}`)).toThrow(/more than 4194304 characters/);
  });

  it('sorts keys by code point, not by UTF-16 unit', () => {
    expect(text('{"🙂":"2","\uffff":"1","a":"0"}')).toBe('a0\uffff1🙂2');
    expect(text('{"v":[{"🙂":2,"\uffff":1}]}')).toBe("v[{b'\\xef\\xbf\\xbf': 1, b'\\xf0\\x9f\\x99\\x82': 2}]");
    expect(text('{"aa":"2","a":"1","ab":"3"}')).toBe('a1aa2ab3');
  });

  it('excludes the signature of the message, and no other field of that name', () => {
    expect(text('{"message_signature":"x","resource_metadata":{"message_signature":"y"}}')).toBe(
      'resource_metadata:message_signaturey',
    );
  });
});
