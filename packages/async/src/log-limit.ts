import type { Clock } from './clock.js';

const shortest = 60_000;

/** Limits a repeated log line to one a minute, with the number of occurrences since the last one. */
export class LogLimit {
  readonly #clock: Clock;
  readonly #signal: AbortSignal | undefined;
  #loggedAt: bigint | undefined;
  #pending = 0;
  #isWaiting = false;
  #write: (count: number) => void = () => undefined;

  /** @param signal when aborted, what is pending is logged at once */
  constructor(clock: Clock, signal?: AbortSignal) {
    this.#clock = clock;
    this.#signal = signal;
  }

  /**
   * Calls `write` at once if a minute has passed since the last call, otherwise when it has.
   *
   * @param count occurrences to add; `write` gets the sum of all pending ones
   */
  log(write: (count: number) => void, count = 1): void {
    this.#write = write;
    this.#pending += count;
    if (this.#isWaiting) return;
    const wait = this.#loggedAt === undefined ? 0 : shortest - this.#sinceLogged(this.#loggedAt);
    if (wait <= 0 || this.#signal?.aborted === true) return this.#flush();
    this.#isWaiting = true;
    const flush = () => this.#flush();
    void this.#clock.sleep(wait, this.#signal).then(flush, flush);
  }

  /** Discards what is pending, because the condition has ended. Returns the number of occurrences. */
  over(): number {
    const count = this.#pending;
    this.#pending = 0;
    return count;
  }

  #sinceLogged(at: bigint): number {
    return Number((this.#clock.monotonic() - at) / 1_000_000n);
  }

  #flush(): void {
    const count = this.#pending;
    this.#pending = 0;
    this.#isWaiting = false;
    if (count === 0) return;
    this.#loggedAt = this.#clock.monotonic();
    this.#write(count);
  }
}
