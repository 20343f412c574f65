import { createHash } from 'node:crypto';

/** A UUID that says what it is the id of: the first 128 bits of the SHA-256 of the text. Whoever asks gets the same. */
export function contentId(text: string): Buffer {
  return createHash('sha256').update(text).digest().subarray(0, 16);
}

/**
 * Texts that this process knows to be in the database, with their ids. It forgets those that were not asked for of
 * late; such a one is stored once more, which changes nothing.
 */
export class StoredTexts {
  readonly #half: number;
  #young = new Map<string, Buffer>();
  #old = new Map<string, Buffer>();

  /** @param limit how many are remembered, about */
  constructor(limit: number) {
    this.#half = limit / 2;
  }

  /** The id of the text, which is put into `missing` when it is not known to be stored. */
  idOf(text: string, missing: Map<string, Buffer>): Buffer {
    const young = this.#young.get(text) ?? missing.get(text);
    if (young !== undefined) return young;
    const old = this.#old.get(text);
    if (old !== undefined) {
      this.#remember(text, old);
      return old;
    }
    const id = contentId(text);
    missing.set(text, id);
    return id;
  }

  add(texts: ReadonlyMap<string, Buffer>): void {
    for (const [text, id] of texts) this.#remember(text, id);
  }

  forget(): void {
    this.#young = new Map();
    this.#old = new Map();
  }

  #remember(text: string, id: Buffer): void {
    if (this.#young.size >= this.#half) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(text, id);
  }
}
