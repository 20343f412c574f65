import type { Delivery } from '@nephoscope/core/message-bus';

/** Messages that wait to be read, oldest first. Those whose channel is gone are dropped, because they are delivered again. */
export class DeliveryQueue {
  readonly #prefetch: number;
  readonly #onDropped: (delivery: Delivery) => void;
  /** At this length, deliveries that are gone are removed. */
  #enough: number;
  #deliveries: Delivery[] = [];
  /** Index of the oldest that was not taken. */
  #first = 0;
  #wakeUp: () => void = () => undefined;

  constructor({ prefetch, onDropped }: { prefetch: number; onDropped: (delivery: Delivery) => void }) {
    this.#prefetch = this.#enough = prefetch;
    this.#onDropped = onDropped;
  }

  add(delivery: Delivery): void {
    // The broker leaves no more unsettled than the prefetch allows. If there are more, a connection was lost and some are
    // delivered again.
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

  /** Resolves when a message arrives, and on {@link wake}. */
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
