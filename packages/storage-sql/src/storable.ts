/**
 * The text as the columns to search in can hold it: none holds U+0000, which becomes U+FFFD.
 * The message's own text, being JSON, has it escaped and is kept exactly.
 */
export function storable<T extends string | null>(text: T): T {
  return (text?.includes('\0') === true ? text.replaceAll('\0', '\ufffd') : text) as T;
}
