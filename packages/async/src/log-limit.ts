import type { Clock } from './clock.js';

const shortest = 60_000;

/** Keeps a line that many messages would cause to one a minute, which says how many it stands for. */
export class LogLimit {
  readonly #clock: Clock;
  readonly #signal: AbortSignal | undefined;
  #saidAt: bigint | undefined;
  #unsaid = 0;
  #isWaiting = false;
  #say: (count: number) => void = () => undefined;

  /** @param signal what is unsaid when it is aborted is said then */
  constructor(clock: Clock, signal?: AbortSignal) {
    this.#clock = clock;
    this.#signal = signal;
  }

  /**
   * Has `say` called at once when a minute has passed since it was last called, else when it will have.
   *
   * @param count what there is to say now; `say` gets the sum of all that is unsaid
   */
  tell(say: (count: number) => void, count = 1): void {
    this.#say = say;
    this.#unsaid += count;
    if (this.#isWaiting) return;
    const wait = this.#saidAt === undefined ? 0 : shortest - this.#sinceSaid(this.#saidAt);
    if (wait <= 0 || this.#signal?.aborted === true) return this.#flush();
    this.#isWaiting = true;
    const flush = () => this.#flush();
    void this.#clock.sleep(wait, this.#signal).then(flush, flush);
  }

  /** What the lines were about is over: what is unsaid is not said after that. Returns how much it is. */
  over(): number {
    const count = this.#unsaid;
    this.#unsaid = 0;
    return count;
  }

  #sinceSaid(at: bigint): number {
    return Number((this.#clock.monotonic() - at) / 1_000_000n);
  }

  #flush(): void {
    const count = this.#unsaid;
    this.#unsaid = 0;
    this.#isWaiting = false;
    if (count === 0) return;
    this.#saidAt = this.#clock.monotonic();
    this.#say(count);
  }
}
