/** So many ids are asked for in one query. */
export const askedAtOnce = 500;

/** The items in their order, up to so many at a time. */
export function* inParts<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let at = 0; at < items.length; at += size) yield items.slice(at, at + size);
}
