import type { Delivery } from '@nephoscope/core/message-bus';

/** Messages that wait to be read, oldest first. Those that are gone come again by themselves, and are dropped. */
export class Waiting {
  readonly #prefetch: number;
  readonly #onDropped: (delivery: Delivery) => void;
  /** With so many it is looked whether some are gone. */
  #enough: number;
  #deliveries: Delivery[] = [];
  /** Before it they were taken. */
  #first = 0;
  #wakeUp: () => void = () => undefined;

  constructor({ prefetch, onDropped }: { prefetch: number; onDropped: (delivery: Delivery) => void }) {
    this.#prefetch = this.#enough = prefetch;
    this.#onDropped = onDropped;
  }

  add(delivery: Delivery): void {
    // The broker leaves no more unsettled than the prefetch, and what is set by: a connection may have been lost, and some of
    // these are coming again.
    if (this.#deliveries.length - this.#first >= this.#enough) {
      this.#dropGone();
      this.#enough = Math.max(this.#prefetch, this.#deliveries.length * 2);
    }
    this.#deliveries.push(delivery);
    this.wake();
  }

  /** The oldest, or undefined while there is none. */
  take(): Delivery | undefined {
    while (this.#first < this.#deliveries.length) {
      const delivery = this.#deliveries[this.#first++] as Delivery;
      if (this.#first === this.#deliveries.length || this.#first > this.#prefetch) this.#dropTaken();
      if (!delivery.isGone) return delivery;
      this.#onDropped(delivery);
    }
    return undefined;
  }

  /** Resolves when another one comes, and by {@link wake}. */
  change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wakeUp = resolve;
    });
  }

  wake(): void {
    this.#wakeUp();
  }

  #dropTaken(): void {
    this.#deliveries = this.#deliveries.slice(this.#first);
    this.#first = 0;
  }

  #dropGone(): void {
    this.#dropTaken();
    const gone = this.#deliveries.filter(({ isGone }) => isGone);
    this.#deliveries = this.#deliveries.filter(({ isGone }) => !isGone);
    for (const delivery of gone) this.#onDropped(delivery);
  }
}
