/** The order of texts in the databases: by code point. */
export function byText(one: string, other: string): -1 | 0 | 1 {
  return one === other ? 0 : Buffer.compare(Buffer.from(one), Buffer.from(other));
}
