const namedAtMost = 10;

/** The first ten names and the number of others, for a log line. */
export function nameSome(names: ReadonlySet<string>): string {
  const others = names.size - namedAtMost;
  return [...names].slice(0, namedAtMost).join(', ') + (others > 0 ? ` and ${others} others` : '');
}
