/** The results of `work` for each item, in their order, with at most `limit` running at a time. */
export async function* concurrently<T, R>(
  items: AsyncIterable<T>,
  limit: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R, void, undefined> {
  const underWay: Promise<R>[] = [];
  for await (const item of items) {
    const result = work(item);
    // The failure is handled when the item is consumed; until then it must not count as unhandled.
    result.catch(() => undefined);
    underWay.push(result);
    if (underWay.length >= limit) yield underWay.shift() as Promise<R>;
  }
  while (underWay.length > 0) yield underWay.shift() as Promise<R>;
}
