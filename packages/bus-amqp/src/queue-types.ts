import { setTimeout as delay } from 'node:timers/promises';

import { describeError } from '@nephoscope/core';

/**
 * Deliveries of one message after which a quorum queue discards it: never. RabbitMQ 4 has a limit of 20 unless one is
 * declared, and 3.10 takes -1 to mean "at once"; with a limit, 3.10 also puts requeued messages near the front of the
 * queue.
 */
const deliveryLimit = 2 ** 31 - 1;

export const quorum = { 'x-queue-type': 'quorum', 'x-delivery-limit': deliveryLimit };

/**
 * How long RabbitMQ takes to write the name of a new quorum queue to disk, ms. It answers earlier, and writes when
 * its table of names was unchanged for a second. After a power failure in between, the queue is empty, whatever it
 * had confirmed, and without a leader.
 */
const nameDelay = 1_500;

/**
 * How long RabbitMQ gets to notify the consumers of a deleted queue, ms; idle it takes 30. If a quorum queue of that
 * name is created before that, RabbitMQ attaches them to the new one and then half forgets them: deliveries are sent
 * to them for ever and reach no program.
 */
const farewell = 1_000;

/**
 * Whether the broker supports quorum queues, as far as known, which ones existed, and when those created here are
 * safe.
 */
export class QueueTypes {
  #hasQuorum = true;
  #safeAt = 0;
  readonly #seen = new Set<string>();

  get hasQuorum(): boolean {
    return this.#hasQuorum;
  }

  /**
   * Runs a request for a quorum queue. A broker on which they are a disabled feature closes the whole connection; the
   * next one then does without.
   */
  async watch<T>(request: () => Promise<T>): Promise<T> {
    try {
      return await request();
    } catch (error) {
      if (/feature flag is disabled/.test(describeError(error))) this.#hasQuorum = false;
      throw error;
    }
  }

  /** This queue exists. */
  saw(queue: string): void {
    this.#seen.add(queue);
  }

  /** Resolves when a missing queue may be declared: a deleted one may still have consumers. */
  async vacated(queue: string): Promise<void> {
    if (this.#seen.has(queue)) await delay(farewell, undefined, { ref: false });
  }

  /** This one was created just now. */
  made(queue: string): void {
    this.saw(queue);
    this.#safeAt = performance.now() + nameDelay;
  }

  /** Resolves when the queues created here would survive a power failure. */
  async safe(): Promise<void> {
    const wait = this.#safeAt - performance.now();
    // Callers wait on a connection, which keeps the program alive.
    if (wait > 0) await delay(wait, undefined, { ref: false });
  }
}
