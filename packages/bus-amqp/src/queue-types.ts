import { setTimeout as delay } from 'node:timers/promises';

import type { ChannelModel } from 'amqplib';

/**
 * Deliveries of one message after which a quorum queue gives it up: never. RabbitMQ 4 has a limit of 20 unless one is
 * declared, and 3.10 takes -1 for "at once"; with a limit, 3.10 also puts what is requeued near the front of the queue.
 */
const deliveryLimit = 2 ** 31 - 1;

export const quorum = { 'x-queue-type': 'quorum', 'x-delivery-limit': deliveryLimit };

/**
 * How long RabbitMQ takes to have the name of a new quorum queue on disk, ms. It answers earlier, and writes when its
 * table of names was left alone for a second. When the power fails in between, the queue comes back empty, whatever it
 * had confirmed, and without a leader.
 */
const nameDelay = 1_500;

/** Whether the broker has quorum queues, as far as it told, and when those that were made here are safe. */
export class QueueTypes {
  #hasQuorum = true;
  #safeAt = 0;

  get hasQuorum(): boolean {
    return this.#hasQuorum;
  }

  /**
   * Runs a request for a quorum queue. A broker on which they are a feature that is not enabled yet closes the whole
   * connection; then the next one is spared the question.
   */
  async watch<T>(model: ChannelModel, request: () => Promise<T>): Promise<T> {
    const onError = ({ message }: Error) => {
      if (/feature flag is disabled/.test(message)) this.#hasQuorum = false;
    };
    model.on('error', onError);
    try {
      return await request();
    } finally {
      model.off('error', onError);
    }
  }

  /** One was made just now. */
  made(): void {
    this.#safeAt = performance.now() + nameDelay;
  }

  /** Resolves when those that were made here would survive a power failure. */
  async safe(): Promise<void> {
    const wait = this.#safeAt - performance.now();
    // Whoever waits does so on a connection, which keeps the program alive.
    if (wait > 0) await delay(wait, undefined, { ref: false });
  }
}
