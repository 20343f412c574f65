const namedAtMost = 10;

/** The first ten names and the number of others, for a log line. */
export class NameSome {
  readonly #names: string[] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(name: string): void {
    this.#count += 1;
    if (this.#names.length < namedAtMost) this.#names.push(name);
  }

  toString(): string {
    const others = this.#count - this.#names.length;
    return this.#names.join(', ') + (others > 0 ? ` and ${others} others` : '');
  }
}
