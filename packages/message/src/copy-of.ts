/** A copy of a slice. V8 keeps a whole message in memory as long as a slice of it exists. */
export function copyOf(slice: string): string {
  return ` ${slice}`.slice(1);
}
