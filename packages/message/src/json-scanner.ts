import { NephoscopeError } from '@nephoscope/core';

export const quote = 0x22;
const comma = 0x2c;
const colon = 0x3a;
export const openBracket = 0x5b;
export const backslash = 0x5c;
export const closeBracket = 0x5d;
export const openBrace = 0x7b;
export const closeBrace = 0x7d;

const scalar = /[^\s,:{}[\]"]+/y;

/**
 * A position in a JSON text that moves over one token or one value at a time. It copies nothing, and skips nested
 * values without recursion and without checking their contents.
 */
export class JsonScanner {
  readonly text: string;
  at = 0;

  constructor(text: string) {
    this.text = text;
  }

  /** The character at the position, NaN at the end. */
  get code(): number {
    return this.text.charCodeAt(this.at);
  }

  take(code: number): boolean {
    if (this.text.charCodeAt(this.at) !== code) return false;
    this.at += 1;
    return true;
  }

  skipBlanks(): void {
    // Nearly always there is no blank.
    if (this.code <= 0x20) this.#skipBlanks();
  }

  /**
   * Moves to the next member of an object or item of an array, or past the closing bracket.
   *
   * @param isFirst whether the position is right after the opening bracket
   * @returns whether there is one
   * @throws JSON_INVALID
   */
  more(isFirst: boolean, close: number): boolean {
    this.skipBlanks();
    const { code } = this;
    if (code === close) {
      this.at += 1;
      return false;
    }
    if (isFirst) return true;
    if (code !== comma) throw this.unexpected(`',' or '${String.fromCharCode(close)}'`);
    this.at += 1;
    this.skipBlanks();
    return true;
  }

  /** Moves from the end of a key to its value. @throws JSON_INVALID */
  skipColon(): void {
    this.skipBlanks();
    if (!this.take(colon)) throw this.unexpected("':'");
    this.skipBlanks();
  }

  /** @throws JSON_INVALID if there is no value, or it has no end */
  skipValue(): void {
    const { code } = this;
    if (code === quote) this.at = this.#stringEnd(this.at);
    else if (code === openBrace || code === openBracket) this.at = this.#nestedEnd(this.at);
    else {
      scalar.lastIndex = this.at;
      if (!scalar.test(this.text)) throw this.unexpected('a value');
      this.at = scalar.lastIndex;
    }
  }

  /** Skips the value at the position and returns its text. @throws JSON_INVALID as {@link skipValue} */
  value(): string {
    const start = this.at;
    this.skipValue();
    return this.text.slice(start, this.at);
  }

  /** @throws JSON_INVALID if more than blanks follows */
  end(): void {
    this.skipBlanks();
    if (this.at < this.text.length) throw this.unexpected('the end');
  }

  unexpected(wanted: string, at = this.at): NephoscopeError {
    const found = at < this.text.length ? JSON.stringify(this.text.charAt(at)) : 'the end';
    return new NephoscopeError(
      'JSON_INVALID',
      `not JSON: ${found} at character ${at + 1}, where ${wanted} should be`,
    );
  }

  #skipBlanks(): void {
    const { text } = this;
    let { at } = this;
    for (
      let code = text.charCodeAt(at);
      code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
      code = text.charCodeAt(at)
    )
      at += 1;
    this.at = at;
  }

  #stringEnd(start: number): number {
    const { text } = this;
    for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
      let escapes = 0;
      while (text.charCodeAt(end - 1 - escapes) === backslash) escapes += 1;
      if (escapes % 2 === 0) return end + 1;
    }
    throw this.unexpected('the rest of a string', text.length);
  }

  #nestedEnd(start: number): number {
    const { text } = this;
    let depth = 0;
    for (let at = start; at < text.length; at += 1) {
      const code = text.charCodeAt(at);
      if (code === quote) at = this.#stringEnd(at) - 1;
      else if (code === openBrace || code === openBracket) depth += 1;
      else if ((code === closeBrace || code === closeBracket) && --depth === 0) return at + 1;
    }
    throw this.unexpected('the rest of a value', text.length);
  }
}
