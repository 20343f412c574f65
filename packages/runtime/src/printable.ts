/**
 * Characters that move a terminal's cursor, change colours, or reorder or hide text around them: C0 and C1, direction
 * marks and other invisible characters, line and paragraph separators, half surrogate pairs. Not line ends and tabs.
 */
const unsafe = /(?![\n\t])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/**
 * A text from elsewhere (a tenant names its instance) made safe for a terminal: one line, unsafe characters replaced by
 * U+FFFD.
 */
export function printable(text: string): string {
  return text.replace(unsafe, '\ufffd').replace(/[\n\t]/g, '\ufffd');
}

/**
 * Text of several lines in which such characters are written as JSON escapes, `\u202e`. In JSON, where they occur
 * only within texts, the meaning stays the same.
 */
export function escaped(text: string): string {
  return text.replace(unsafe, (character) =>
    Array.from(
      { length: character.length },
      (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`,
    ).join(''),
  );
}
