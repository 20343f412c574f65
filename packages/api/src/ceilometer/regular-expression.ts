import { RE2JS, RE2JSException } from 're2js';

import { badRequest } from './fault.js';

/** Characters. A longer one takes long to compile. */
const longest = 1_000;

/**
 * Whether a text has a part that matches. In the syntax of RE2 and in linear time: whoever asks chooses the expression, and a
 * backtracking engine can be kept busy for ever.
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
