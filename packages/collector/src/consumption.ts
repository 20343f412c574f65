import { describeError } from '@nephoscope/core';
import type { Clock, Delivery, Logger, MessageBus, Subscription } from '@nephoscope/core';

export interface ConsumptionParts {
  readonly bus: MessageBus;
  readonly queue: string;
  readonly prefetch: number;
  /** While the messages that are held are larger together, no more are taken, until half of them are released. */
  readonly maxBytes: number;
  readonly handler: (delivery: Delivery) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

const pauseAfterFailure = 1_000;

/**
 * Consumes a queue with a bound in bytes beside the prefetch, which counts messages and would let a few hundred large
 * ones in. Brokers know no such bound, so it takes itself off the queue meanwhile; what was on its way then goes back.
 */
export class Consumption {
  readonly #parts: ConsumptionParts;
  readonly #stopping = new AbortController();
  #subscription: Subscription | undefined;
  #held = 0;
  #onChange: () => void = () => undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(parts: ConsumptionParts) {
    this.#parts = parts;
  }

  /** @throws what the bus throws when it cannot consume the queue */
  async start(): Promise<void> {
    await this.#consume();
    this.#running = this.#regulate();
  }

  /** No message comes after it resolved. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#onChange();
    await this.#running;
    await this.#pause();
  }

  /** The message waits no longer; each that was handed over is to be released once. */
  release({ body }: Delivery): void {
    this.#held -= body.byteLength;
    this.#onChange();
  }

  async #regulate(): Promise<void> {
    const { maxBytes } = this.#parts;
    for (;;) {
      await this.#until(() => this.#held > maxBytes);
      if (this.#stopping.signal.aborted) return;
      await this.#pause();
      await this.#until(() => this.#held <= maxBytes / 2);
      await this.#resume();
    }
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition() && !this.#stopping.signal.aborted)
      await new Promise<void>((resolve) => {
        this.#onChange = resolve;
      });
  }

  async #consume(): Promise<void> {
    const { bus, handler, prefetch, queue } = this.#parts;
    this.#subscription = await bus.consume(queue, { prefetch }, (delivery) => {
      this.#held += delivery.body.byteLength;
      this.#onChange();
      handler(delivery);
    });
  }

  async #pause(): Promise<void> {
    const subscription = this.#subscription;
    this.#subscription = undefined;
    await subscription?.cancel();
  }

  async #resume(): Promise<void> {
    const { clock, logger, queue } = this.#parts;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        return await this.#consume();
      } catch (error) {
        logger.warn({ err: error, queue }, `queue '${queue}' is not consumed: ${describeError(error)}`);
        await clock.sleep(pauseAfterFailure, signal).catch(() => undefined);
      }
    }
  }
}
