import { NephoscopeError, isNephoscopeError } from '@nephoscope/core';

import { maxDigitKeys, maxMessageValues } from './field-rules.js';
import { JsonScanner, closeBrace, closeBracket, openBrace, openBracket, quote } from './json-scanner.js';
import { isDigits } from './json.js';

// Splits a JSON text without parsing the pieces, so that a message within an envelope keeps its exact text, and one
// that is not JSON affects only itself.

/** More items than any readable array has: 16 MiB of the smallest messages are about 60,000. */
const maxItems = 100_000;

/**
 * The members of the object `text`: each key with the text of its value.
 *
 * @throws JSON_INVALID if it is not an object, has a duplicate key, or more keys than a message has values; the
 *   values are not checked
 */
export function jsonMembers(text: string): ReadonlyMap<string, string> {
  const members = new Map<string, string>();
  let digitKeys = 0;
  const scanner = opened(text, openBrace);
  while (scanner.more(members.size === 0, closeBrace)) {
    const key = jsonString(scanner.value());
    scanner.skipColon();
    if (isDigits(key)) digitKeys += 1;
    if (members.size >= maxMessageValues || digitKeys > maxDigitKeys) throw scanner.unexpected('the last member');
    if (members.has(key)) throw scanner.unexpected('another key');
    members.set(key, scanner.value());
  }
  scanner.end();
  return members;
}

/**
 * The texts of the items of the array `text`, each created on demand.
 *
 * @throws JSON_INVALID at once, before the first item, if it is not a complete array or has more than 100,000 items;
 *   the items are not checked
 */
export function jsonItems(text: string): Iterable<string> {
  const scanner = opened(text, openBracket);
  for (let items = 0; scanner.more(items === 0, closeBracket); items += 1) {
    if (items >= maxItems) throw scanner.unexpected('the last item');
    scanner.skipValue();
  }
  scanner.end();
  return itemsOf(text);
}

function* itemsOf(text: string): Generator<string, void, undefined> {
  const scanner = opened(text, openBracket);
  for (let isFirst = true; scanner.more(isFirst, closeBracket); isFirst = false) yield scanner.value();
}

/** @throws JSON_INVALID if `text` is not a JSON string */
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

export interface MemberSpan {
  readonly key: string;
  readonly start: number;
  readonly end: number;
}

/**
 * The positions of the values of these members of the outermost object in its JSON text, in the order of the text.
 * The slice at a position is the value exactly as received. The text must have been parsed before; if it is not JSON,
 * the result has the members before the failure.
 */
export function memberSpans(text: string, keys: readonly string[]): readonly MemberSpan[] {
  const spans: MemberSpan[] = [];
  try {
    const scanner = opened(text, openBrace);
    for (let isFirst = true; scanner.more(isFirst, closeBrace); isFirst = false) {
      if (scanner.code !== quote) break;
      const key = scanner.value().slice(1, -1);
      scanner.skipColon();
      const start = scanner.at;
      scanner.skipValue();
      if (keys.includes(key) && !spans.some((span) => span.key === key))
        spans.push({ key, start, end: scanner.at });
    }
  } catch (error) {
    if (!isNephoscopeError(error, 'JSON_INVALID')) throw error;
  }
  return spans;
}

function opened(text: string, open: number): JsonScanner {
  const scanner = new JsonScanner(text);
  scanner.skipBlanks();
  if (!scanner.take(open)) throw scanner.unexpected(`'${String.fromCharCode(open)}'`);
  return scanner;
}
