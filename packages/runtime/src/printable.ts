/**
 * Characters that would move a terminal's cursor, recolour it, or reorder or hide what is around them: C0 and C1, marks
 * of direction and others without a form of their own, ends of lines and paragraphs, halves of pairs. Not line ends and
 * tabs.
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
 * Text of several lines in which such characters are written as JSON escapes them, `\u202e`. In JSON, where they stand
 * in texts alone, it means the same.
 */
export function escaped(text: string): string {
  return text.replace(unsafe, (character) =>
    Array.from(
      { length: character.length },
      (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`,
    ).join(''),
  );
}
