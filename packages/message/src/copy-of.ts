/** V8 keeps the whole of a message as long as a slice of it is there: this is one of another text, no longer than it. */
export function copyOf(slice: string): string {
  return ` ${slice}`.slice(1);
}
