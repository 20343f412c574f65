import { NephoscopeError } from '@nephoscope/core';

import { maxDigitKeys, maxMessageValues } from './field-rules.js';
import { isDigits } from './json.js';

// Cuts a JSON text where it stands, without reading what is in the pieces: a message within an envelope keeps its own
// text, digit by digit, and one that is not JSON costs only itself. Nothing here goes deeper than one level, so that no
// nesting can overflow the stack, and each character is looked at once, so that 16 MiB take some tens of milliseconds.

/** More items than this no array has that is read: of the smallest messages 16 MiB hold some 60,000. */
const maxItems = 100_000;

/**
 * The members of the object that `text` is: each key with the text of its value.
 *
 * @throws JSON_INVALID when it is not an object, has a key twice, or more of them than a message has values; what is in the
 *   values is not looked at
 */
export function jsonMembers(text: string): ReadonlyMap<string, string> {
  const cutter = new Cutter(text, '{', '}');
  const members = new Map<string, string>();
  let digitKeys = 0;
  while (cutter.more()) {
    const key = jsonString(cutter.value());
    cutter.colon();
    if (isDigits(key)) digitKeys += 1;
    if (members.size >= maxMessageValues || digitKeys > maxDigitKeys) throw cutter.expected('the last member');
    if (members.has(key)) throw cutter.expected('another key');
    members.set(key, cutter.value());
  }
  return members;
}

/**
 * The texts of the items of the array that `text` is, each made when its turn comes.
 *
 * @throws JSON_INVALID at once, before the first item, when it is no whole array or has more than 100,000; what is in the
 *   items is not looked at
 */
export function jsonItems(text: string): Iterable<string> {
  const cutter = new Cutter(text, '[', ']');
  for (let items = 0; cutter.more(); items += 1) {
    if (items >= maxItems) throw cutter.expected('the last item');
    cutter.skip();
  }
  return itemsOf(text);
}

function* itemsOf(text: string): Generator<string, void, undefined> {
  const cutter = new Cutter(text, '[', ']');
  while (cutter.more()) yield cutter.value();
}

/** @throws JSON_INVALID when `text` is not a JSON string */
export function jsonString(text: string): string {
  try {
    if (text.startsWith('"')) return JSON.parse(text) as string;
  } catch (error) {
    throw new NephoscopeError('JSON_INVALID', 'not JSON: a string that cannot be read', { cause: error });
  }
  throw new NephoscopeError(
    'JSON_INVALID',
    `not JSON as expected: a string should stand for ${text.slice(0, 20)}`,
  );
}

const blanks = /[ \t\r\n]*/y;
const scalar = /[^\s,:{}[\]"]+/y;
const quote = 0x22;
const openBracket = 0x5b;
const backslash = 0x5c;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

class Cutter {
  readonly #text: string;
  readonly #close: string;
  #at = 0;
  #items = 0;

  constructor(text: string, open: string, close: string) {
    this.#text = text;
    this.#close = close;
    this.#skipBlanks();
    this.#take(open);
  }

  /** Whether another item follows; behind the last one the text must end. */
  more(): boolean {
    this.#skipBlanks();
    if (this.#text[this.#at] === this.#close) {
      this.#at += 1;
      this.#skipBlanks();
      if (this.#at < this.#text.length) throw this.expected('the end');
      return false;
    }
    if (this.#items > 0) this.#take(',');
    this.#items += 1;
    this.#skipBlanks();
    return true;
  }

  colon(): void {
    this.#skipBlanks();
    this.#take(':');
    this.#skipBlanks();
  }

  value(): string {
    const start = this.#at;
    this.skip();
    return this.#text.slice(start, this.#at);
  }

  skip(): void {
    const start = this.#at;
    const first = this.#text[start];
    if (first === '"') this.#at = this.#stringEnd(start);
    else if (first === '{' || first === '[') this.#at = this.#nestedEnd(start);
    else {
      scalar.lastIndex = start;
      if (!scalar.test(this.#text)) throw this.expected('a value');
      this.#at = scalar.lastIndex;
    }
  }

  expected(what: string): NephoscopeError {
    const found = this.#at < this.#text.length ? JSON.stringify(this.#text.charAt(this.#at)) : 'the end';
    return new NephoscopeError(
      'JSON_INVALID',
      `not JSON as expected: ${found} at character ${this.#at + 1}, where ${what} should be`,
    );
  }

  #take(character: string): void {
    if (this.#text[this.#at] !== character) throw this.expected(`'${character}'`);
    this.#at += 1;
  }

  #skipBlanks(): void {
    blanks.lastIndex = this.#at;
    blanks.test(this.#text);
    this.#at = blanks.lastIndex;
  }

  #stringEnd(start: number): number {
    const text = this.#text;
    for (let at = start + 1; at < text.length; at += 1) {
      const code = text.charCodeAt(at);
      if (code === quote) return at + 1;
      if (code === backslash) at += 1;
    }
    throw this.#cutShort();
  }

  #nestedEnd(start: number): number {
    const text = this.#text;
    let depth = 0;
    for (let at = start; at < text.length; at += 1) {
      const code = text.charCodeAt(at);
      if (code === quote) at = this.#stringEnd(at) - 1;
      else if (code === openBrace || code === openBracket) depth += 1;
      else if ((code === closeBrace || code === closeBracket) && --depth === 0) return at + 1;
    }
    throw this.#cutShort();
  }

  #cutShort(): NephoscopeError {
    this.#at = this.#text.length;
    return this.expected('the rest of a value');
  }
}
