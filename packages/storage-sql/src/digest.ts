import { hash } from 'node:crypto';

/** The SHA-256 of the text, with one character per byte: the most compact key for a `Map`. */
export function digestOf(text: string): string {
  return hash('sha256', text, 'binary');
}

/** The first 128 bits of a {@link digestOf}. */
export function idOf(digest: string): Buffer {
  return Buffer.from(digest.slice(0, 16), 'binary');
}
