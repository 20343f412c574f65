interface Waiting {
  readonly size: number;
  start(): void;
}

/** After this many small ones the oldest is next, however large. */
const mostInARow = 20;

/** Runs operations one after the other, the smallest waiting one next, so that a large one delays only similar ones. */
export class SmallestFirst {
  readonly #waiting: Waiting[] = [];
  #isBusy = false;
  #inARow = 0;

  /** Settles like the operation; a failure does not affect others. */
  async run<T>(size: number, work: () => Promise<T>): Promise<T> {
    if (this.#isBusy) await new Promise<void>((start) => this.#waiting.push({ size, start }));
    this.#isBusy = true;
    try {
      return await work();
    } finally {
      const next = this.#next();
      if (next === undefined) this.#isBusy = false;
      else next.start();
    }
  }

  #next(): Waiting | undefined {
    const waiting = this.#waiting;
    let at = 0;
    if (++this.#inARow < mostInARow)
      waiting.forEach(({ size }, index) => {
        if (size < (waiting[at] as Waiting).size) at = index;
      });
    if (at === 0) this.#inARow = 0;
    return waiting.splice(at, 1)[0];
  }
}
