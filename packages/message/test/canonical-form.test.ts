import fc from 'fast-check';
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';

import { Secret } from '@nephoscope/core/options';

import { createSigner, createVerifier, parseJson } from '../src/index.js';

import { canonicalForm } from '../src/canonical-form.js';
import { JsonNumber, isJsonObject, quoteJson } from '../src/json.js';
import type { JsonObject, JsonValue } from '../src/json.js';
import { signedText } from '../src/signed-message.js';
import { exact, jsonObjects, jsonValues, numberTexts } from './values.js';

const text = (json: string): string => signedText(canonicalForm, parseJson(json) as JsonObject);

/** Messages, their signed texts, and their signatures with the secret `a shared secret`, computed by a different program. */
const vectors = [
  {
    json: '{"counter_name":"cpu","counter_volume":8292646586825371460,"message_signature":"left out"}',
    signed: 'o2:s12:counter_names3:cpus14:counter_volumed829264658682537146e1;',
    signature: '9e1363603efda0b236dc87198209cdbfc68ec5d035be0576cc7de33e193ea1c0',
  },
  {
    json: '{ "b": [1.0, 1, 10e-1, -0.0, 1E-07, null, true], "a": {"é": "\\ud83d\\ude42", "": {}} }',
    signed: 'o2:s1:ao2:s0:o0:s2:és4:🙂s1:ba7:d1e0;d1e0;d1e0;d0;d1e-7;nt',
    signature: '0c702ee872c0833576ca79e96f28b0b6540dedd108af2e1ad2f14ad11b84ce54',
  },
  {
    json: '{"\\ud83d\\ude42":-12.50,"\\ufffd":false,"signature_form":"canonical","1":1e999999999}',
    signed: 'o4:s1:1d1e999999999;s14:signature_forms9:canonicals3:\ufffdfs4:🙂d-125e-1;',
    signature: '515eb7c2dd5c6304042a4f59c4b9cb2b74edc802efaf8ca3561680625a2d994a',
  },
];

/** Parses the bytes of a canonical text. */
function decode(bytes: Buffer): unknown {
  let at = 0;
  const until = (end: string): string => {
    const stop = bytes.indexOf(end, at);
    const part = bytes.toString('utf8', at, stop);
    at = stop + 1;
    return part;
  };
  const value = (): unknown => {
    const tag = String.fromCharCode(bytes[at] as number);
    at += 1;
    switch (tag) {
      case 'n':
        return null;
      case 't':
        return true;
      case 'f':
        return false;
      case 'd':
        return { number: exact(until(';')) };
      case 's': {
        const length = Number(until(':'));
        at += length;
        return bytes.toString('utf8', at - length, at);
      }
      case 'a':
        return Array.from({ length: Number(until(':')) }, value);
      case 'o':
        return new Map(Array.from({ length: Number(until(':')) }, () => [value(), value()]));
      default:
        throw new Error(`tag ${tag} at ${at}`);
    }
  };
  const result = value();
  expect(at).toBe(bytes.length);
  return result;
}

function expected(value: JsonValue): unknown {
  if (value instanceof JsonNumber) return { number: exact(value.text) };
  if (isJsonObject(value)) return new Map(Array.from(value, ([key, item]) => [key, expected(item)]));
  return Array.isArray(value) ? value.map(expected) : value;
}

/** Writes a value in another way with the same meaning: blanks, key order, escapes and spelling of numbers, as `choose` decides. */
function respelled(value: JsonValue, choose: (max: number) => number): string {
  const blank = (): string => ['', ' ', '\n\t', '\r'][choose(3)] as string;
  const escaped = (char: string): string =>
    Array.from({ length: char.length }, (_, i) => `\\u${char.charCodeAt(i).toString(16).padStart(4, '0')}`).join(
      '',
    );
  const string = (text: string): string =>
    `"${Array.from(text, (char) => (choose(2) === 0 ? escaped(char) : quoteJson(char).slice(1, -1))).join('')}"`;
  const write = (item: JsonValue): string => {
    if (typeof item === 'string') return string(item);
    if (item instanceof JsonNumber) return respelledNumber(item.text, choose(3));
    if (isJsonObject(item)) {
      const entries = Array.from(
        item,
        ([key, inner]) => `${blank()}${string(key)}${blank()}:${blank()}${write(inner)}${blank()}`,
      );
      return `{${choose(1) === 0 ? entries.join(',') : entries.reverse().join(',')}}`;
    }
    return Array.isArray(item)
      ? `[${item.map((inner) => blank() + write(inner as JsonValue) + blank()).join(',')}]`
      : String(item);
  };
  return blank() + write(value) + blank();
}

function respelledNumber(text: string, how: number): string {
  const [, mantissa = '', power = '0'] = /^([^eE]*)(?:[eE](.*))?$/.exec(text) ?? [];
  const point = mantissa.includes('.');
  if (how === 1) return `${mantissa}${point ? '' : '.'}000E${power}`;
  if (how === 2)
    return `${mantissa.replace('.', '')}e${BigInt(power) - BigInt(point ? mantissa.length - mantissa.indexOf('.') - 1 : 0)}`.replace(
      /^(-?)0+(?=\d)/,
      '$1',
    );
  return how === 3 && !point ? `${mantissa}00e${BigInt(power) - 2n}`.replace(/^(-?)0+(?=\d)/, '$1') : text;
}

describe('the canonical form', () => {
  it.each(vectors)('signs $json as specified', ({ json, signed, signature }) => {
    expect(text(json)).toBe(signed);
    const label = Buffer.concat([Buffer.of(0xff), Buffer.from('nephoscope canonical form 1')]);
    const key = createHmac('sha256', 'a shared secret').update(label).digest();
    expect(createHmac('sha256', key).update(signed).digest('hex')).toBe(signature);
    expect(createSigner({ secret: new Secret('a shared secret'), form: 'canonical' }).sign(signed)).toBe(
      signature,
    );
  });

  it.each(vectors)('is specified in the README with the example $json', ({ json, signed, signature }) => {
    expect(readFileSync(new URL('../README.md', import.meta.url), 'utf8')).toContain(
      `| \`${json}\` | \`${signed}\` | \`${signature}\` |`,
    );
  });

  it('can be parsed, so that no two messages have the same text', () => {
    fc.assert(
      fc.property(jsonObjects, (object) => {
        const message = new Map(object);
        message.delete('message_signature');
        expect(decode(Buffer.from(signedText(canonicalForm, message)))).toEqual(expected(message));
      }),
      { numRuns: 1000 },
    );
  });

  it('does not depend on how the JSON is written', () => {
    fc.assert(
      fc.property(jsonObjects, fc.infiniteStream(fc.nat(1000)), (object, stream) => {
        const choices = stream[Symbol.iterator]();
        const rewritten = respelled(object, (max) => (choices.next().value as number) % (max + 1));
        expect(text(rewritten)).toBe(signedText(canonicalForm, object));
      }),
      { numRuns: 1000 },
    );
  });

  it('depends only on the exact value of numbers', () => {
    fc.assert(
      fc.property(numberTexts, numberTexts, (a, b) => {
        expect(text(`{"v":${a}}`) === text(`{"v":${b}}`)).toBe(exact(a) === exact(b));
      }),
    );
    expect(text('{"v":9007199254740993}')).not.toBe(text('{"v":9007199254740992}'));
    expect(text('{"v":0.1}')).not.toBe(text('{"v":0.1000000000000000055}'));
    expect(text(`{"v":10e${'9'.repeat(40)}}`)).toBe(`o1:s1:vd1e1${'0'.repeat(40)};`);
  });

  it.each([
    ['{"a":"bc"}', '{"ab":"c"}'],
    ['{"a":{"b":"x"}}', '{"a:b":"x"}'],
    ['{"a":null}', '{"a":"None"}'],
    ['{"a":1}', '{"a":"1"}'],
    ['{"a":{}}', '{}'],
    ['{"a":[]}', '{"a":{}}'],
    ['{"a":[["x"],"y"]}', '{"a":[["x","y"]]}'],
    ['{"a":["s1:b"]}', '{"a":["s1","b"]}'],
    ['{"a":"é"}', '{"a":"e\u0301"}'],
  ])('distinguishes %s from %s', (one, other) => {
    expect(text(one)).not.toBe(text(other));
  });

  it('changes if any value is replaced by another one', () => {
    const signer = createSigner({ secret: new Secret('s'), form: 'canonical' });
    const verifier = createVerifier({ secrets: [new Secret('s')], forms: ['canonical'] });
    fc.assert(
      fc.property(jsonObjects, fc.string(), jsonValues, (object, key, value) => {
        const message = new Map(object).set('signature_form', 'canonical');
        message.delete('message_signature');
        message.set('message_signature', signer.sign(signedText(canonicalForm, message)));
        expect(verifier.verify(message)).toBe('verified');
        const changed = new Map(message).set(`x${key}`, value);
        fc.pre(!message.has(`x${key}`));
        expect(verifier.verify(changed)).toBe('signature-wrong');
        for (const [name, old] of object) {
          if (name === 'message_signature' || name === 'signature_form') continue;
          expect(verifier.verify(new Map(message).set(name, [old]))).toBe('signature-wrong');
          const without = new Map(message);
          without.delete(name);
          expect(verifier.verify(without)).toBe('signature-wrong');
        }
      }),
    );
  });
});
