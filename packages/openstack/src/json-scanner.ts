import { answerLimits, AnswerRefused } from './answer-limits.js';

/** From the first byte to the one after the last. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** The positions of the list in an answer, with its brackets, and of each object in it. */
export interface ListSpan extends Span {
  readonly starts: readonly number[];
  readonly ends: readonly number[];
}

/** What may come next, outside of texts, numbers and words; and what contained the last byte. */
type Next = 'value' | 'value or end' | 'key or end' | 'key' | 'colon' | 'comma or end' | 'nothing';
type Inside = 'blank' | 'text' | 'escape' | 'hex' | 'number' | 'word';

const quote = 0x22;
const backslash = 0x5c;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const escapes = new Set(Buffer.from('"\\/bfnrt'));
const numberForm = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const words = ['true', 'false', 'null'] as const;

interface Container {
  readonly isArray: boolean;
  members: number;
}

/**
 * Reads the JSON of an answer byte by byte as it arrives, by RFC 8259, without creating values: it limits the amount
 * of everything, and finds the items of the list. So whatever is parsed afterwards, item by item, is small and is
 * JSON.
 */
export class JsonScanner {
  readonly #listKey: string | undefined;
  readonly #stack: Container[] = [];
  #next: Next = 'value';
  #in: Inside = 'blank';
  #isKey = false;
  /** Of the number, the word or the top-level key that is being read. */
  #token = '';
  #hexLeft = 0;
  #at = 0;
  #list: { start: number; end: number; starts: number[]; ends: number[] } | undefined;
  /** Whether the next value is the list. */
  #isListNext: boolean;
  #isInList = false;
  #isInItem = false;
  #itemStart = 0;
  #values = 0;
  #restBytes = 0;
  #restValues = 0;

  /** @param listKey the member with the items; '' if the answer itself is the list */
  constructor(listKey?: string) {
    this.#listKey = listKey;
    this.#isListNext = listKey === '';
  }

  /** @throws AnswerRefused as soon as the answer is known to be unacceptable */
  push(bytes: Uint8Array): void {
    for (let index = 0; index < bytes.length;) {
      let read = this.#skip(bytes, index);
      if (read === 0) {
        this.#byte(bytes[index] as number);
        read = 1;
      }
      index += read;
      this.#at += read;
      if (this.#isInItem) continue;
      this.#restBytes += read;
      if (this.#restBytes > answerLimits.rest.bytes)
        throw refused(`more than ${answerLimits.rest.bytes / 1024 / 1024} MiB outside of the items of a list`);
    }
    if (this.#isInItem) this.#boundItem(this.#at);
  }

  /**
   * The list in it, if there is one.
   *
   * @throws AnswerRefused when it is not whole
   */
  end(): ListSpan | undefined {
    if (this.#in === 'number') this.#endNumber();
    if (this.#in !== 'blank' || this.#next !== 'nothing') throw this.#noJson();
    return this.#list;
  }

  /** How many bytes from there on change nothing, which are most. */
  #skip(bytes: Uint8Array, from: number): number {
    if (this.#in === 'blank') return blanks(bytes, from);
    const isText = this.#in === 'text' && !(this.#isKey && this.#stack.length === 1);
    return isText ? plainText(bytes, from) : 0;
  }

  #byte(byte: number): void {
    switch (this.#in) {
      case 'text':
        return this.#textByte(byte);
      case 'escape':
        if (byte === 0x75) this.#hexLeft = 4;
        else if (!escapes.has(byte)) throw this.#noJson();
        this.#in = byte === 0x75 ? 'hex' : 'text';
        return;
      case 'hex':
        if (!isHex(byte)) throw this.#noJson();
        this.#hexLeft -= 1;
        if (this.#hexLeft === 0) this.#in = 'text';
        return;
      case 'number':
        if (!isOfNumber(byte)) {
          this.#endNumber();
          return this.#structural(byte);
        }
        this.#token += String.fromCharCode(byte);
        if (this.#token.length > answerLimits.number)
          throw refused(`a number of more than ${answerLimits.number} characters`);
        return;
      case 'word':
        this.#token += String.fromCharCode(byte);
        if (!words.some((word) => word.startsWith(this.#token))) throw this.#noJson();
        if (words.some((word) => word === this.#token)) this.#endValue(this.#at + 1);
        return;
      case 'blank':
        return this.#structural(byte);
    }
  }

  #textByte(byte: number): void {
    if (byte === quote) {
      if (!this.#isKey) return this.#endValue(this.#at + 1);
      this.#in = 'blank';
      this.#next = 'colon';
      this.#isListNext = this.#stack.length === 1 && this.#listKey !== '' && this.#token === this.#listKey;
      return;
    }
    if (byte === backslash) this.#in = 'escape';
    else if (byte < 0x20) throw this.#noJson();
    // Only for a key at the top level, and only as much as distinguishes it from the expected one. No service uses
    // escapes there.
    if (this.#isKey && this.#stack.length === 1 && this.#token.length <= longestListKey)
      this.#token += String.fromCharCode(byte);
  }

  #structural(byte: number): void {
    if (isBlank(byte)) return;
    switch (this.#next) {
      case 'value or end':
        if (byte === closeBracket) return this.#close();
        return this.#beginValue(byte);
      case 'value':
        return this.#beginValue(byte);
      case 'key or end':
        if (byte === closeBrace) return this.#close();
        return this.#beginKey(byte);
      case 'key':
        return this.#beginKey(byte);
      case 'colon':
        if (byte !== 0x3a) throw this.#noJson();
        this.#next = 'value';
        return;
      case 'comma or end': {
        const top = this.#stack.at(-1) as Container;
        if (byte === (top.isArray ? closeBracket : closeBrace)) return this.#close();
        if (byte !== 0x2c) throw this.#noJson();
        this.#next = top.isArray ? 'value' : 'key';
        return;
      }
      case 'nothing':
        throw this.#noJson();
    }
  }

  #beginKey(byte: number): void {
    if (byte !== quote) throw this.#noJson();
    const top = this.#stack.at(-1) as Container;
    top.members += 1;
    if (top.members > answerLimits.members)
      throw refused(`an object with more than ${answerLimits.members} members`);
    this.#isKey = true;
    this.#token = '';
    this.#in = 'text';
  }

  #beginValue(byte: number): void {
    const isItem = this.#isInList && this.#stack.length === (this.#listKey === '' ? 1 : 2);
    if (isItem) this.#beginItem(byte);
    this.#count();
    this.#isKey = false;
    if (byte === quote) this.#in = 'text';
    else if (byte === openBrace || byte === openBracket) this.#open(byte === openBracket);
    else if (byte === 0x2d || isDigit(byte) || byte === 0x74 || byte === 0x66 || byte === 0x6e) {
      this.#in = byte === 0x2d || isDigit(byte) ? 'number' : 'word';
      this.#token = String.fromCharCode(byte);
    } else throw this.#noJson();
    this.#isListNext = false;
  }

  #open(isArray: boolean): void {
    if (this.#stack.length >= answerLimits.depth)
      throw refused(`more than ${answerLimits.depth} objects and arrays in one another`);
    this.#stack.push({ isArray, members: 0 });
    this.#next = isArray ? 'value or end' : 'key or end';
    if (!isArray || !this.#isListNext) return;
    if (this.#list !== undefined) throw refused('the list twice');
    this.#list = { start: this.#at, end: 0, starts: [], ends: [] };
    this.#isInList = true;
  }

  #beginItem(byte: number): void {
    const { starts } = this.#list as { starts: number[] };
    if (byte !== openBrace) throw refused('an item in the list that is not an object');
    if (starts.length >= answerLimits.items) throw refused(`more than ${answerLimits.items} items`);
    starts.push(this.#at);
    this.#isInItem = true;
    this.#itemStart = this.#at;
    this.#values = 0;
  }

  #close(): void {
    this.#stack.pop();
    this.#endValue(this.#at + 1);
  }

  #endNumber(): void {
    if (!numberForm.test(this.#token)) throw this.#noJson();
    this.#endValue(this.#at);
  }

  /** @param end after its last byte */
  #endValue(end: number): void {
    this.#in = 'blank';
    const depth = this.#stack.length;
    this.#next = depth === 0 ? 'nothing' : 'comma or end';
    if (!this.#isInList || this.#list === undefined) return;
    const outside = this.#listKey === '' ? 0 : 1;
    if (this.#isInItem && depth === outside + 1) {
      this.#boundItem(end);
      this.#list.ends.push(end);
      this.#isInItem = false;
    } else if (depth === outside) {
      this.#list.end = end;
      this.#isInList = false;
    }
  }

  #boundItem(end: number): void {
    const { bytes } = answerLimits.item;
    if (end - this.#itemStart > bytes) throw refused(`an item of more than ${bytes / 1024} KiB`);
  }

  #count(): void {
    if (this.#isInItem) {
      this.#values += 1;
      if (this.#values > answerLimits.item.values)
        throw refused(`an item with more than ${answerLimits.item.values} values`);
    } else {
      this.#restValues += 1;
      if (this.#restValues > answerLimits.rest.values)
        throw refused(`more than ${answerLimits.rest.values} values outside of the items of a list`);
    }
  }

  #noJson(): AnswerRefused {
    return new AnswerRefused(`the answer is not JSON, from byte ${this.#at} on`);
  }
}

/** No list of any service has a key as long. */
const longestListKey = 100;

function refused(what: string): AnswerRefused {
  return new AnswerRefused(`the answer has ${what}`);
}

/** How many bytes from there on are plain text. */
function plainText(bytes: Uint8Array, from: number): number {
  let at = from;
  for (let byte; at < bytes.length; at += 1) {
    byte = bytes[at] as number;
    if (byte === quote || byte === backslash || byte < 0x20) break;
  }
  return at - from;
}

function blanks(bytes: Uint8Array, from: number): number {
  let at = from;
  while (at < bytes.length && isBlank(bytes[at] as number)) at += 1;
  return at - from;
}

function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

function isHex(byte: number): boolean {
  return isDigit(byte) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66);
}

/** Digits, `+ - . e E`; whether they form a number is checked at the end. */
function isOfNumber(byte: number): boolean {
  return isDigit(byte) || byte === 0x2b || byte === 0x2d || byte === 0x2e || byte === 0x65 || byte === 0x45;
}
