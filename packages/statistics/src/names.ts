/** A set of texts. There are many of them, and most have one text: a JavaScript Set needs ten times the memory. */
export class Names {
  #first: string | undefined;
  #all: Set<string> | undefined;

  add(name: string): void {
    if (this.#all !== undefined) this.#all.add(name);
    else if (this.#first === undefined) this.#first = name;
    else if (this.#first !== name) this.#all = new Set([this.#first, name]);
  }

  get size(): number {
    return this.#all?.size ?? (this.#first === undefined ? 0 : 1);
  }

  [Symbol.iterator](): IterableIterator<string> {
    return (this.#all ?? (this.#first === undefined ? [] : [this.#first])).values();
  }
}
