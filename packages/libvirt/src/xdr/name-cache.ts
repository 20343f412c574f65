const SLOTS = 4096;
const LONGEST = 64;

/**
 * Turns the bytes of names that repeat from record to record, e.g. `vcpu.0.time`, into one string each: no
 * decoding, and a hash that a `Map` has already computed. Bounded: a name displaces the one in its slot.
 */
export class NameCache {
  readonly #names = new Array<string | undefined>(SLOTS).fill(undefined);

  get(buffer: Buffer, start: number, length: number): string {
    if (length > LONGEST) return buffer.toString('utf8', start, start + length);
    let hash = length;
    for (let index = start; index < start + length; index += 1) hash = (Math.imul(hash, 31) + buffer[index]!) | 0;
    const slot = (hash ^ (hash >>> 12)) & (SLOTS - 1);
    const known = this.#names[slot];
    if (known !== undefined && matches(known, buffer, start, length)) return known;
    return (this.#names[slot] = buffer.toString('utf8', start, start + length));
  }
}

/** Only ASCII names ever match: the bytes of any other differ from its UTF-16 units in number and value. */
function matches(name: string, buffer: Buffer, start: number, length: number): boolean {
  if (name.length !== length) return false;
  for (let index = 0; index < length; index += 1) {
    if (name.charCodeAt(index) !== buffer[start + index]) return false;
  }
  return true;
}
