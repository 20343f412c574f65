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

/** What may be set by at once: so many messages, and bytes of them. */
const mostSetBy = 20_000;
const mostBytesSetBy = 64 * 1024 * 1024;
/** Of AMQP. */
const largestPrefetch = 65_535;

/** One subscription, and what of it is set by. */
interface Window {
  readonly size: number;
  setBy: number;
}

/**
 * Consumes a queue with a bound in bytes beside the prefetch, which counts messages and would let a few hundred large
 * ones in. Brokers know no such bound, so it takes itself off the queue meanwhile; what was on its way then goes back.
 *
 * What can be settled only much later is set by. When it takes half of the prefetch, the queue is consumed anew with as
 * much room beside it, up to a bound: the queue gives back what is requeued before all others, so there is no other way
 * to what is behind it.
 */
export class Consumption {
  readonly #parts: ConsumptionParts;
  readonly #stopping = new AbortController();
  readonly #windows = new WeakMap<Delivery, Window>();
  #window: Window;
  #subscription: Subscription | undefined;
  #held = 0;
  #setBy = 0;
  #bytesSetBy = 0;
  #onChange: () => void = () => undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(parts: ConsumptionParts) {
    this.#parts = parts;
    this.#window = { size: parts.prefetch, setBy: 0 };
  }

  /** How many may be unsettled at once, those that are set by included. */
  get room(): number {
    return this.#window.size + this.#setBy;
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

  /** The message will be settled only much later, or is about to be after all. */
  setBy(delivery: Delivery, isSetBy: boolean): void {
    const change = isSetBy ? 1 : -1;
    const window = this.#windows.get(delivery);
    if (window !== undefined) window.setBy += change;
    this.#setBy += change;
    this.#bytesSetBy += change * delivery.body.byteLength;
    this.#onChange();
  }

  async #regulate(): Promise<void> {
    const { maxBytes, prefetch } = this.#parts;
    for (;;) {
      await this.#until(() => this.#held > maxBytes || this.#isTight() || this.#isTooWide());
      if (this.#stopping.signal.aborted) return;
      await this.#pause();
      if (this.#held > maxBytes) await this.#until(() => this.#held <= maxBytes / 2);
      this.#window = { size: Math.min(Math.max(prefetch, this.#setBy), largestPrefetch), setBy: 0 };
      await this.#resume();
    }
  }

  #isTight(): boolean {
    const isBounded = this.#setBy < mostSetBy && this.#bytesSetBy < mostBytesSetBy;
    return isBounded && this.#window.setBy * 2 >= this.#window.size;
  }

  #isTooWide(): boolean {
    return this.#setBy === 0 && this.#window.size > this.#parts.prefetch;
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition() && !this.#stopping.signal.aborted)
      await new Promise<void>((resolve) => {
        this.#onChange = resolve;
      });
  }

  async #consume(): Promise<void> {
    const { bus, handler, queue } = this.#parts;
    const window = this.#window;
    this.#subscription = await bus.consume(queue, { prefetch: window.size }, (delivery) => {
      this.#windows.set(delivery, window);
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
