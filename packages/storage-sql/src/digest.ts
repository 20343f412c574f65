import { hash } from 'node:crypto';

/** The SHA-256 of the text, a character for each byte: the shortest form that a `Map` takes. */
export function digestOf(text: string): string {
  return hash('sha256', text, 'binary');
}

/** The first 128 bits of a {@link digestOf}. */
export function idOf(digest: string): Buffer {
  return Buffer.from(digest.slice(0, 16), 'binary');
}
