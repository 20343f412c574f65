/** Growing pauses between attempts, randomised so that a fleet does not retry in step. */
export class Backoff {
  readonly #first: number;
  readonly #longest: number;
  #attempts = 0;

  /** @param first and `longest` pause, ms */
  constructor(first: number, longest: number) {
    this.#first = first;
    this.#longest = longest;
  }

  /** The pause before the next attempt, ms: half to all of a value that doubles each time. */
  next(): number {
    const whole = Math.min(this.#longest, this.#first * 2 ** Math.min(this.#attempts++, 30));
    return Math.round(whole * (0.5 + Math.random() / 2));
  }

  reset(): void {
    this.#attempts = 0;
  }
}
