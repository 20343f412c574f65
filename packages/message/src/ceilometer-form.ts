import { NephoscopeError } from '@nephoscope/core';

import { maxMeteringLineBytes } from './field-rules.js';
import { JsonNumber, isJsonObject } from './json.js';
import type { JsonValue } from './json.js';
import { inKeyOrder } from './key-order.js';
import type { FormWriter } from './signature-form.js';

/**
 * The text over which Ceilometer (`ceilometer/publisher/utils.py`) computes its HMAC: key and value of each field in
 * the order of the keys, without separators; the fields of an inner object as `outer:inner`, in their own order at
 * the place of the outer one; values as Python prints them after `json.loads`.
 *
 * Without separators, different messages can have the same text: `{a: 'bc'}` and `{ab: 'c'}`, `{a: {b: 'x'}}` and
 * `{'a:b': 'x'}`, `null` and `'None'`, `1` and `'1'`, and with and without an empty object. The canonical form solves
 * this.
 */
export const ceilometerForm: FormWriter = {
  name: 'ceilometer',
  head: () => '',
  field: (key, value) => field(key, value, { left: maxSignedText }),
};

/**
 * The longest text of a field, in characters. Each inner field repeats its outer keys, so a message of 1 MiB could
 * expand to gigabytes; a byte within a list takes at most four characters.
 */
const maxSignedText = 4 * maxMeteringLineBytes;

/** @throws MESSAGE_UNREADABLE for a longer text, before it is assembled */
function field(key: string, value: JsonValue, room: { left: number }): string {
  if (isJsonObject(value)) {
    let text = '';
    for (const [inner, item] of inKeyOrder(value)) text += field(`${key}:${inner}`, item, room);
    return text;
  }
  const text = key + (typeof value === 'string' ? value : printed(value));
  room.left -= text.length;
  if (room.left >= 0) return text;
  throw new NephoscopeError(
    'MESSAGE_UNREADABLE',
    `the text that is signed in Ceilometer's form has more than ${maxSignedText} characters`,
  );
}

/** A value as printed by Python. Ceilometer converts the strings within a list to bytes before it prints the list. */
function printed(value: JsonValue): string {
  if (value === null) return 'None';
  if (value === true) return 'True';
  if (value === false) return 'False';
  if (value instanceof JsonNumber) return printedNumber(value.text);
  if (typeof value === 'string') return printedBytes(value);
  if (!isJsonObject(value)) return `[${value.map(printed).join(', ')}]`;
  return `{${Array.from(inKeyOrder(value), ([key, item]) => `${printedBytes(key)}: ${printed(item)}`).join(', ')}}`;
}

/** Python reads a number without `.` and exponent as an integer of any size, and any other as a float. */
export function printedNumber(text: string): string {
  if (/[.eE]/.test(text)) return printedFloat(Number(text));
  return text === '-0' ? '0' : text;
}

/** Both languages print the shortest digits that read back; they differ in when and how they write an exponent. */
function printedFloat(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  const size = Math.abs(value);
  if (size >= 1e16 || (size < 1e-4 && size > 0)) return value.toExponential().replace(/(?<=e[+-])\d$/, '0$&');
  const digits = Object.is(value, -0) ? '-0' : String(value);
  return digits.includes('.') ? digits : `${digits}.0`;
}

/** How Python prints each byte, except for quotes. */
const printedByte = Array.from({ length: 256 }, (_, byte) => {
  const named = { 0x09: '\\t', 0x0a: '\\n', 0x0d: '\\r', 0x5c: '\\\\' }[byte];
  if (named !== undefined) return Buffer.from(named);
  if (byte >= 0x20 && byte <= 0x7e) return Buffer.of(byte);
  return Buffer.from(`\\x${byte.toString(16).padStart(2, '0')}`);
});
const longestPrint = 4;

const isPlain = /^[ -&(-[\]-~]*$/;

/** Python's `repr` of the text's UTF-8 bytes: `b'plain'`, `b"it's"`, `b'\xc3\xa9'`. */
function printedBytes(text: string): string {
  if (isPlain.test(text)) return `b'${text}'`;
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const printed = Buffer.allocUnsafe(Buffer.byteLength(text) * longestPrint);
  let length = 0;
  for (const byte of Buffer.from(text, 'utf8')) {
    const print = printedByte[byte] as Buffer;
    if (byte === quote.charCodeAt(0)) printed[length++] = 0x5c;
    for (let at = 0; at < print.length; at += 1) printed[length++] = print[at] as number;
  }
  return `b${quote}${printed.toString('latin1', 0, length)}${quote}`;
}
