/**
 * A text that others chose (a tenant names its instance), harmless to a terminal: characters that would move
 * the cursor, recolour or reorder what is around them are shown as U+FFFD.
 */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, '\ufffd');
}
