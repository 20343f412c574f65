/** Number of ids in one query. */
export const askedAtOnce = 500;

/** The items in their order, in portions of up to `size`. */
export function* inParts<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let at = 0; at < items.length; at += size) yield items.slice(at, at + size);
}
