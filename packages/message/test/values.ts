import fc from 'fast-check';

import { JsonNumber } from '../src/json.js';
import type { JsonObject, JsonValue } from '../src/json.js';

/** Texts that may cause errors: quotes, separators of the forms, keys with a meaning in JavaScript, code points on both sides of the surrogates. */
export const texts: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 6 }),
  fc.string({ unit: fc.constantFrom(...'ab:;\'"\\\n\r\t\u0000 1s,é漢🙂\uffff\ue000\u{10000}'), maxLength: 6 }),
  fc.constantFrom('__proto__', 'constructor', 'None', 'True', '1', '1.0', 'null', 'message_signature'),
);

/** Numbers in any spelling that JSON permits. */
export const numberTexts: fc.Arbitrary<string> = fc.oneof(
  fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }).map(String),
  fc
    .double({ noNaN: true, noDefaultInfinity: true })
    .map((value) => (Object.is(value, -0) ? '-0.0' : String(value))),
  fc
    .tuple(
      fc.constantFrom('', '-'),
      fc.nat(2000),
      fc.stringMatching(/^(\.\d{1,6})?$/),
      fc.stringMatching(/^([eE][+-]?\d{1,3})?$/),
    )
    .map((parts) => parts.join('')),
  fc.constantFrom(
    '-0',
    '-0.0',
    '0e5',
    '1e999',
    '-1e999',
    '1e999999999999999999999',
    '1e16',
    '1e-05',
    '0.0001',
    '5e-324',
  ),
);

const { value, object } = fc.letrec<{ value: JsonValue; object: JsonObject }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    texts,
    numberTexts.map((text) => new JsonNumber(text)),
    fc.constantFrom(null, true, false),
    fc.array(tie('value'), { maxLength: 4 }),
    tie('object'),
  ),
  object: fc
    .uniqueArray(fc.tuple(texts, tie('value')), { selector: ([key]) => key, maxLength: 5 })
    .map((entries) => new Map(entries)),
}));

export const jsonValues = value;
export const jsonObjects = object;

/** The exact value of a number's text, as the lowest terms of `digits × 10^power`; computed differently from the code under test. */
export function exact(text: string): string {
  const [mantissa = '', power = '0'] = text.toLowerCase().split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  let digits = BigInt(whole + fraction);
  let exponent = BigInt(power) - BigInt(fraction.length);
  if (digits === 0n) return '0';
  while (digits % 10n === 0n) {
    digits /= 10n;
    exponent += 1n;
  }
  if (text.startsWith('-') && digits > 0n) digits = -digits;
  return `${digits}×10^${exponent}`;
}
