import type { Clock } from '@nephoscope/core';

interface Entry<T> {
  readonly value: T;
  /** ns on the monotonic clock */
  readonly since: bigint;
}

/**
 * A queue for work that is worthless when late: newest first; the oldest are dropped when there are too many or they
 * waited too long. Of equal keys the newest is kept.
 */
export class NewestFirst<T> {
  readonly #most: number;
  readonly #maxAge: bigint;
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #onDropped: (count: number) => void;
  readonly #entries = new Map<string, Entry<T>>();

  /** @param limits at most `most` wait, each for `maxAge` ms; `onDropped` receives the number of dropped ones */
  constructor(
    limits: { readonly most: number; readonly maxAge: number; readonly onDropped: (count: number) => void },
    clock: Pick<Clock, 'monotonic'>,
  ) {
    this.#most = limits.most;
    this.#maxAge = BigInt(limits.maxAge) * 1_000_000n;
    this.#onDropped = limits.onDropped;
    this.#clock = clock;
  }

  get size(): number {
    return this.#entries.size;
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  add(key: string, value: T): void {
    this.#entries.delete(key);
    this.#entries.set(key, { value, since: this.#clock.monotonic() });
    if (this.#entries.size <= this.#most) return;
    const [oldest] = this.#entries.keys();
    this.delete(oldest as string);
    this.#onDropped(1);
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }

  /** Removes and returns the newest; undefined if there is none that is still useful. */
  take(): T | undefined {
    const newest = [...this.#entries].at(-1);
    if (newest === undefined) return undefined;
    const [key, { value, since }] = newest;
    if (this.#clock.monotonic() - since <= this.#maxAge) {
      this.#entries.delete(key);
      return value;
    }
    // All others are older still.
    this.#onDropped(this.#entries.size);
    this.#entries.clear();
    return undefined;
  }
}
