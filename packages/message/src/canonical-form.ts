import { JsonNumber, isJsonObject } from './json.js';
import type { JsonValue } from './json.js';
import { inKeyOrder } from './key-order.js';
import type { FormWriter } from './signature-form.js';

/**
 * Canonical form 1: a text that two messages share only when they mean the same.
 *
 *     value  = "n" | "t" | "f"                    null, true, false
 *            | "d" number ";"
 *            | "s" length ":" characters          length of the characters in UTF-8, in bytes
 *            | "a" count ":" value…               array, items in their order
 *            | "o" count ":" (string value)…      object, the keys (each an "s…" string) in the order of their
 *                                                 code points, each followed by its value
 *     number = "0" | ["-"] digits "e" exponent    digits begin and end with 1-9; both are decimal integers
 *
 * length, count, digits and exponent are decimal without leading zeros; the exponent may have a "-", never a
 * "+". A number is its exact decimal value: `1`, `1.0` and `10e-1` are all `d1e0;`, `-0.0` is `d0;`, and none goes
 * through a float.
 *
 * The message is one such object without its field `message_signature`. The signature is the lower-case
 * hexadecimal HMAC-SHA256 of its UTF-8 bytes, and its key is HMAC-SHA256(secret, label), where the secret is in
 * UTF-8 and the label is the byte 0xff followed by `nephoscope canonical form 1`. (0xff never occurs in UTF-8, so
 * that no message signed with the secret in Ceilometer's form could ever yield that key.)
 */
export const canonicalForm: FormWriter = {
  name: 'canonical',
  head: (fields) => `o${fields}:`,
  field: (key, value) => string(key) + canonical(value),
};

/** See {@link canonicalForm}. */
export const canonicalKeyLabel = Buffer.concat([Buffer.of(0xff), Buffer.from('nephoscope canonical form 1')]);

function canonical(value: JsonValue): string {
  if (typeof value === 'string') return string(value);
  if (value === null) return 'n';
  if (value === true) return 't';
  if (value === false) return 'f';
  if (value instanceof JsonNumber) return `d${exactNumber(value.text)};`;
  if (!isJsonObject(value)) return `a${value.length}:${value.map(canonical).join('')}`;
  let text = `o${value.size}:`;
  for (const [key, item] of inKeyOrder(value)) text += string(key) + canonical(item);
  return text;
}

function string(text: string): string {
  return `s${Buffer.byteLength(text)}:${text}`;
}

const integer = /^[1-9]\d*$/;
const parts = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

/** The exact decimal value of a JSON number, with one text for each value. */
export function exactNumber(text: string): string {
  // Nearly all numbers are such integers.
  if (integer.test(text)) return withoutZeros(text);
  const [, sign = '', whole = '', fraction = '', power = '0'] = parts.exec(text) ?? [];
  const digits = whole + fraction;
  let start = 0;
  while (digits.charAt(start) === '0') start += 1;
  if (start === digits.length) return '0';
  let end = digits.length;
  while (digits.charAt(end - 1) === '0') end -= 1;
  const shift = digits.length - end - fraction.length;
  // The exponent in the text may have any number of digits.
  const exponent = power === '0' ? shift : BigInt(power) + BigInt(shift);
  return `${sign}${digits.slice(start, end)}e${exponent}`;
}

function withoutZeros(digits: string): string {
  let end = digits.length;
  while (digits.charCodeAt(end - 1) === 0x30) end -= 1;
  return `${end === digits.length ? digits : digits.slice(0, end)}e${digits.length - end}`;
}
