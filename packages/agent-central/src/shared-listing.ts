import { deepFreeze } from '@nephoscope/runtime';

/** The number of items of usual size that all listings of a cycle together hold for later readers. */
export class ItemBudget {
  readonly #limit: number;
  readonly #listings = new Set<SharedListing<unknown>>();
  #held = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get isExceeded(): boolean {
    return this.#held > this.#limit;
  }

  take(listing: SharedListing<unknown>, items: number): void {
    this.#listings.add(listing);
    this.#held += items;
    for (const one of this.#listings) {
      if (!this.isExceeded) return;
      this.#held -= one.forget();
      if (one.isOver) this.#listings.delete(one);
    }
  }

  /** Returns what a listing held. */
  giveBack(items: number): void {
    this.#held -= items;
  }
}

interface HeldPage<T> {
  readonly items: readonly T[];
  /** Its size in items of usual size. */
  readonly weight: number;
}

interface Reader {
  /** The number of its next page. */
  next: number;
}

/**
 * One listing of a service for several readers. Pages are kept for later readers as long as the cycle's budget of
 * items allows. Beyond it, pages read by all readers are dropped, the next page is requested only when all readers
 * have read the previous ones, and {@link isWhole} is false: a later reader then needs a listing of its own.
 */
export class SharedListing<T> {
  readonly #source: AsyncIterator<readonly T[]>;
  readonly #budget: ItemBudget;
  readonly #readers = new Set<Reader>();
  /** From number `#first` on. */
  #pages: HeldPage<T>[] = [];
  #first = 0;
  #ended: { readonly error?: unknown } | undefined;
  #fetching: Promise<void> | undefined;
  #wake: (() => void)[] = [];

  constructor(source: AsyncIterable<readonly T[]>, budget: ItemBudget) {
    this.#source = source[Symbol.asyncIterator]();
    this.#budget = budget;
  }

  /** Whether a new reader would get all of it. */
  get isWhole(): boolean {
    return this.#first === 0;
  }

  /** Whether it has ended and holds nothing any more. */
  get isOver(): boolean {
    return this.#ended !== undefined && this.#pages.length === 0;
  }

  /** @param signal ends the wait for a page, with its reason */
  async *read(signal: AbortSignal): AsyncGenerator<T, void, undefined> {
    const reader: Reader = { next: 0 };
    this.#readers.add(reader);
    const wakeAll = () => this.#wakeAll();
    signal.addEventListener('abort', wakeAll);
    try {
      for (;;) {
        const page = await this.#page(reader, signal);
        if (page === undefined) return;
        yield* page;
      }
    } finally {
      signal.removeEventListener('abort', wakeAll);
      this.#readers.delete(reader);
      this.#wakeAll();
      if (this.#readers.size === 0 && this.#ended === undefined) await this.#close();
    }
  }

  /** Releases the pages that all readers have read. @returns their size in usual items */
  forget(): number {
    const taken = Math.min(this.#first + this.#pages.length, ...[...this.#readers].map(({ next }) => next));
    const pages = this.#pages.splice(0, taken - this.#first);
    this.#first = taken;
    return weightOf(pages);
  }

  async #page(reader: Reader, signal: AbortSignal): Promise<readonly T[] | undefined> {
    for (;;) {
      signal.throwIfAborted();
      const page = this.#pages[reader.next - this.#first];
      if (page !== undefined) {
        reader.next += 1;
        if (this.#budget.isExceeded) this.#budget.giveBack(this.forget());
        this.#wakeAll();
        return page.items;
      }
      if (this.#ended !== undefined) {
        if ('error' in this.#ended) throw this.#ended.error;
        return undefined;
      }
      if (this.#fetching === undefined && !this.#mustWait(reader)) {
        this.#fetching = this.#fetch().finally(() => {
          this.#fetching = undefined;
          this.#wakeAll();
        });
      }
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }

  #mustWait({ next }: Reader): boolean {
    return this.#budget.isExceeded && [...this.#readers].some((other) => other.next < next);
  }

  async #fetch(): Promise<void> {
    try {
      const { done, value } = await this.#source.next();
      if (this.#ended !== undefined) return;
      if (done === true) {
        this.#ended = {};
        return;
      }
      // Frozen, because one reader could otherwise change what others send.
      const weight = value.reduce((sum, item) => sum + Math.max(1, Math.round(sizeOf(item) / usualSize)), 0);
      this.#pages.push({ items: deepFreeze(value), weight });
      this.#budget.take(this, weight);
    } catch (error) {
      this.#ended ??= { error };
    }
  }

  /** No longer read, and not at its end. */
  async #close(): Promise<void> {
    this.#ended = { error: new Error('the listing was given up') };
    this.#budget.giveBack(weightOf(this.#pages));
    this.#first += this.#pages.length + 1;
    this.#pages = [];
    // A request in progress is ended by the cycle's own signal, and is not waited for.
    if (this.#fetching === undefined) await this.#source.return?.();
  }

  #wakeAll(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}

/** Of an image, a port or a volume; each value counts as at least 32 characters. */
const usualSize = 4_096;

function sizeOf(value: unknown): number {
  if (typeof value === 'string') return 32 + value.length;
  if (typeof value !== 'object' || value === null) return 32;
  let size = 32;
  for (const item of Object.values(value)) size += sizeOf(item);
  return size;
}

function weightOf(pages: readonly HeldPage<unknown>[]): number {
  return pages.reduce((sum, { weight }) => sum + weight, 0);
}
