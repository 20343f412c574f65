import { NephoscopeError } from '@nephoscope/core';

import { maxDigitKeys, maxExponentLength, maxNumberLength } from './field-rules.js';
import {
  JsonScanner,
  backslash,
  closeBrace,
  closeBracket,
  openBrace,
  openBracket,
  quote,
} from './json-scanner.js';

/** A number with exactly the digits of the JSON text: `8292646586825371460`, `1.0`, `1e-07`. */
export class JsonNumber {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type JsonValue = string | JsonNumber | boolean | null | readonly JsonValue[] | JsonObject;

/** A map and not a plain object, in which some keys (`__proto__`, `constructor`, `1`) would have a special meaning. */
export type JsonObject = ReadonlyMap<string, JsonValue>;

/** How deeply objects and arrays may be nested. */
export const maxJsonDepth = 64;

/**
 * Reads a JSON text strictly by RFC 8259, and keeps every number as it was written.
 *
 * Also refused, as soon as they are encountered: a duplicate key in an object, half a surrogate pair, more than
 * {@link maxJsonDepth} levels, a number of more than 4,300 characters or 40 digits of exponent, more than 1,000 keys
 * that consist of digits, and more than `maxValues` values.
 *
 * @throws JSON_INVALID with the position
 */
export function parseJson(text: string, maxValues = Infinity): JsonValue {
  return new Parser(text, maxValues).document();
}

/** One line of JSON, with numbers as they were written and keys in the order of the object. */
export function formatJson(value: JsonValue): string {
  if (typeof value === 'string') return quoteJson(value);
  if (value instanceof JsonNumber) return value.text;
  if (value === null || typeof value === 'boolean') return String(value);
  if (isJsonObject(value))
    return `{${Array.from(value, ([key, item]) => `${quoteJson(key)}:${formatJson(item)}`).join(',')}}`;
  return `[${value.map(formatJson).join(',')}]`;
}

export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return value instanceof Map;
}

const needsNoEscape = /^[ !#-[\]-~]*$/;

/**
 * A JSON string literal. Half a surrogate pair becomes an escape that no reader accepts, so check `isWellFormed`
 * first.
 */
export function quoteJson(text: string): string {
  return needsNoEscape.test(text) ? `"${text}"` : JSON.stringify(text);
}

const digits = /^\d+$/;

/** Whether a key consists of digits. Nearly all begin with something else. */
export function isDigits(key: string): boolean {
  const first = key.charCodeAt(0);
  return first >= 0x30 && first <= 0x39 && digits.test(key);
}

const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

const longExponent = new RegExp(`[eE][+-]?\\d{${maxExponentLength + 1}}`);

class Parser extends JsonScanner {
  readonly #maxValues: number;
  #values = 0;
  #digitKeys = 0;

  constructor(text: string, maxValues: number) {
    super(text);
    this.#maxValues = maxValues;
  }

  document(): JsonValue {
    this.skipBlanks();
    const value = this.#value(0);
    this.end();
    return value;
  }

  #value(depth: number): JsonValue {
    this.#values += 1;
    if (this.#values > this.#maxValues) throw this.#invalid(`more than ${this.#maxValues} values`);
    switch (this.code) {
      case quote:
        return this.#string();
      case openBrace:
        return this.#object(depth + 1);
      case openBracket:
        return this.#array(depth + 1);
      case 0x74:
        return this.#word('true', true);
      case 0x66:
        return this.#word('false', false);
      case 0x6e:
        return this.#word('null', null);
      default:
        return this.#number();
    }
  }

  #object(depth: number): JsonObject {
    const object = new Map<string, JsonValue>();
    this.#enter(depth);
    while (this.more(object.size === 0, closeBrace)) {
      if (this.code !== quote) throw this.unexpected('a key');
      const start = this.at;
      const key = this.#string();
      if (isDigits(key)) this.#countDigitKey(start);
      if (object.has(key)) throw this.#invalid('a key that stands in its object already', start);
      this.skipColon();
      object.set(key, this.#value(depth));
    }
    return object;
  }

  #countDigitKey(at: number): void {
    this.#digitKeys += 1;
    if (this.#digitKeys > maxDigitKeys)
      throw this.#invalid(`more than ${maxDigitKeys} keys that are digits alone`, at);
  }

  #array(depth: number): readonly JsonValue[] {
    const array: JsonValue[] = [];
    this.#enter(depth);
    while (this.more(array.length === 0, closeBracket)) array.push(this.#value(depth));
    return array;
  }

  #string(): string {
    const { text } = this;
    const start = this.at + 1;
    let surrogates = false;
    let end = start;
    for (let code = text.charCodeAt(end); code !== quote; code = text.charCodeAt(end)) {
      if (code === backslash) return this.#escapedString(end);
      // Written so that NaN, the code past the end, is caught too.
      if (!(code >= 0x20)) throw this.unexpected('the rest of a string', end);
      if ((code & 0xf800) === 0xd800) surrogates = true;
      end += 1;
    }
    this.at = end + 1;
    const value = text.slice(start, end);
    if (surrogates && !value.isWellFormed()) throw this.#invalid('half a surrogate pair', start - 1);
    return value;
  }

  /** The same for a string with escapes, the first of which is at `end`. JSON.parse decodes the escapes. */
  #escapedString(end: number): string {
    const { text, at: start } = this;
    for (let code = text.charCodeAt(end); code !== quote; code = text.charCodeAt(end)) {
      if (!(code >= 0x20)) throw this.unexpected('the rest of a string', end);
      end += code === backslash ? 2 : 1;
    }
    this.at = end + 1;
    let value: string;
    try {
      value = JSON.parse(text.slice(start, this.at)) as string;
    } catch (error) {
      throw this.#invalid('a string with an escape that JSON does not have', start, error);
    }
    if (!value.isWellFormed()) throw this.#invalid('half a surrogate pair', start);
    return value;
  }

  #number(): JsonNumber {
    const start = this.at;
    number.lastIndex = start;
    if (!number.test(this.text)) throw this.unexpected('a value');
    this.at = number.lastIndex;
    if (this.at - start > maxNumberLength)
      throw this.#invalid(`a number of more than ${maxNumberLength} characters`, start);
    const text = this.text.slice(start, this.at);
    if (text.length > maxExponentLength && longExponent.test(text))
      throw this.#invalid(`an exponent of more than ${maxExponentLength} digits`, start);
    return new JsonNumber(text);
  }

  #word<T>(word: string, value: T): T {
    if (!this.text.startsWith(word, this.at)) throw this.unexpected('a value');
    this.at += word.length;
    return value;
  }

  #enter(depth: number): void {
    if (depth > maxJsonDepth) throw this.#invalid(`more than ${maxJsonDepth} objects and arrays in one another`);
    this.at += 1;
  }

  #invalid(what: string, at = this.at, cause?: unknown): NephoscopeError {
    return new NephoscopeError('JSON_INVALID', `not JSON to be trusted: ${what} at character ${at + 1}`, {
      cause,
    });
  }
}
