import type { BrokerChannel, Message } from './broker-channel.js';

/**
 * The unsettled deliveries of a channel. Acknowledgements are sent in as few frames as possible, because a quorum
 * queue discards the unprocessed rest of more than 32 acknowledgements with the channel: these messages would be
 * delivered again.
 */
export class Unsettled {
  readonly #channel: BrokerChannel;
  /** Delivery tags, in the order of delivery. */
  readonly #tags = new Set<number>();
  /** Those to be acknowledged to the broker. */
  readonly #acknowledged = new Set<number>();
  readonly #onEmpty: () => void;

  /** @param onEmpty called whenever the last one was settled */
  constructor(channel: BrokerChannel, onEmpty: () => void) {
    this.#channel = channel;
    this.#onEmpty = onEmpty;
  }

  get isEmpty(): boolean {
    return this.#tags.size === 0;
  }

  add(tag: number): void {
    this.#tags.add(tag);
  }

  ack(tag: number): void {
    if (this.#acknowledged.size === 0) queueMicrotask(() => this.flush());
    this.#acknowledged.add(tag);
  }

  requeue(tag: number): void {
    this.#channel.requeue(at(tag));
    this.#tags.delete(tag);
    this.#notifyWhenEmpty();
  }

  /** Sends the acknowledgements collected so far. */
  flush(): void {
    if (this.#acknowledged.size === 0) return;
    let last: number | undefined;
    for (const tag of this.#tags) {
      if (!this.#acknowledged.delete(tag)) break;
      this.#tags.delete(tag);
      last = tag;
    }
    if (last !== undefined) this.#channel.ack(at(last), true);
    for (const tag of this.#acknowledged) {
      this.#channel.ack(at(tag));
      this.#tags.delete(tag);
    }
    this.#acknowledged.clear();
    this.#notifyWhenEmpty();
  }

  /** On a closed channel nothing can be settled any more. */
  forget(): void {
    this.#tags.clear();
    this.#acknowledged.clear();
  }

  #notifyWhenEmpty(): void {
    if (this.isEmpty) this.#onEmpty();
  }
}

/** The part of a message that settling needs. */
export function at(deliveryTag: number): Message {
  return { fields: { deliveryTag } } as Message;
}
