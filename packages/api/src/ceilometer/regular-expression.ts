import { RE2JS, RE2JSException } from 're2js';

import { badRequest } from './fault.js';

/** In characters. Longer ones take long to compile. */
const longest = 1_000;

/**
 * Whether a part of a text matches. Uses RE2's syntax and linear time, because clients choose the expression, and a backtracking
 * engine could be kept busy indefinitely.
 *
 * @throws 400
 */
export function regularExpression(pattern: string): (text: string) => boolean {
  if (pattern.length > longest) throw badRequest(`a regular expression has at most ${longest} characters`);
  try {
    const compiled = RE2JS.compile(pattern);
    return (text) => compiled.test(text);
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error;
    throw badRequest(`Filter expression not valid: '=~' takes a regular expression of RE2: ${error.message}`);
  }
}
