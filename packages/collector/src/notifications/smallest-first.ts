interface Waiting {
  readonly size: number;
  start(): void;
}

/** After so many small ones the oldest has its turn, however large. */
const mostInARow = 20;

/** Works that must not overlap. Of those that wait the smallest is next: a large one delays only those like it. */
export class SmallestFirst {
  readonly #waiting: Waiting[] = [];
  #isBusy = false;
  #inARow = 0;

  /** Settles as the work does; a failure does not delay others. */
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
