import { performance } from 'node:perf_hooks';

import { describeError } from '@nephoscope/core';
import type { Clock, Logger } from '@nephoscope/core';
import type { Delivery, MessageBus, Subscription } from '@nephoscope/core/message-bus';

export interface ConsumptionParts {
  readonly bus: MessageBus;
  readonly queue: string;
  readonly prefetch: number;
  /**
   * If the held messages exceed this size, not counting the largest, no more are received until a quarter of it is
   * released. A single larger message blocks no others.
   */
  readonly maxBytes: number;
  readonly handler: (delivery: Delivery) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

const pauseAfterFailure = 1_000;

/** Limits for messages set aside: their number, and their share of the bytes. */
const mostSetBy = 20_000;
const mostOfBytesSetBy = 5 / 8;
/**
 * How long a wide window is kept after the last message was set aside, ms, because consuming again takes round trips
 * to the broker.
 */
const staysWide = 5_000;
/** Number of messages after which a window is evaluated. */
const leastSeen = 8;

/** One subscription, and what arrived through it. */
interface Window {
  readonly size: number;
  setBy: number;
  seen: number;
  /** Of all messages, and of the largest. */
  bytes: number;
  largest: number;
}

const newWindow = (size: number): Window => ({ size, setBy: 0, seen: 0, bytes: 0, largest: 0 });

/**
 * Consumes a queue with a limit in bytes in addition to the prefetch, which counts messages and could admit
 * gigabytes. Brokers have no such limit, so the consumer is cancelled at the limit; messages still in transit are
 * requeued. The next window is narrow enough for messages of that size, and grows while they are smaller.
 *
 * Messages that can be settled only much later are set aside. If they take half of the prefetch, the queue is
 * consumed again with as many additional slots, up to a limit: requeued messages are delivered first, so there is no
 * other way to reach the ones after them.
 */
export class Consumption {
  readonly #parts: ConsumptionParts;
  readonly #stopping = new AbortController();
  readonly #windows = new WeakMap<Delivery, Window>();
  #window: Window;
  #subscription: Subscription | undefined;
  #held = 0;
  /** Bodies of more than a quarter of the limit. */
  readonly #large = new Set<Uint8Array>();
  #setBy = 0;
  #bytesSetBy = 0;
  #lastSetBy = -Infinity;
  #onChange: () => void = () => undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(parts: ConsumptionParts) {
    this.#parts = parts;
    this.#window = newWindow(parts.prefetch);
  }

  /** How many may be unsettled at once, including those set aside. */
  get room(): number {
    return this.#window.size + this.#setBy;
  }

  /** @throws what the bus throws if it cannot consume the queue */
  async start(): Promise<void> {
    await this.#consume();
    this.#running = this.#regulate();
  }

  /** No message arrives after it resolved. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#onChange();
    await this.#running;
    await this.#pause();
  }

  /** The message is settled, or its channel is gone; to be called once for each message. */
  release({ body }: Delivery): void {
    this.#held -= body.byteLength;
    this.#large.delete(body);
    this.#onChange();
  }

  /** The message will be settled only much later, or is about to be settled after all. */
  setBy(delivery: Delivery, isSetBy: boolean): void {
    const change = isSetBy ? 1 : -1;
    const window = this.#windows.get(delivery);
    if (window !== undefined) window.setBy += change;
    this.#setBy += change;
    this.#lastSetBy = performance.now();
    this.#bytesSetBy += change * delivery.body.byteLength;
    this.#onChange();
  }

  async #regulate(): Promise<void> {
    const { maxBytes } = this.#parts;
    for (;;) {
      await this.#until(() => this.#isOverfull() || this.#isTight() || this.#isTooWide() || this.#isTooNarrow());
      if (this.#stopping.signal.aborted) return;
      const size = this.#nextSize();
      await this.#pause();
      if (this.#isOverfull()) await this.#until(() => this.#besideLargest() <= (maxBytes * 3) / 4);
      this.#window = newWindow(size);
      await this.#resume();
    }
  }

  #nextSize(): number {
    const { maxBytes, prefetch } = this.#parts;
    const { bytes, largest, seen, size } = this.#window;
    if (this.#isOverfull()) return clamp(maxBytes / 4 / largest, prefetch);
    if (this.#isTooNarrow()) return clamp(size * 2, prefetch);
    if (this.#isTooWide()) return prefetch;
    return clamp(Math.max(size, this.#setBy * 4), Math.min(mostSetBy, (maxBytes / 2 / bytes) * seen));
  }

  #isOverfull(): boolean {
    return this.#besideLargest() > this.#parts.maxBytes;
  }

  #besideLargest(): number {
    let largest = 0;
    for (const { byteLength } of this.#large) largest = Math.max(largest, byteLength);
    return this.#held - largest;
  }

  #isTight(): boolean {
    const isBounded = this.#setBy < mostSetBy && this.#bytesSetBy < this.#parts.maxBytes * mostOfBytesSetBy;
    return isBounded && this.#window.setBy * 2 >= this.#window.size;
  }

  #isTooWide(): boolean {
    const isQuiet = this.#setBy === 0 && performance.now() - this.#lastSetBy > staysWide;
    return isQuiet && this.#window.size > this.#parts.prefetch;
  }

  /** It was narrowed for large messages, and current ones are small. */
  #isTooNarrow(): boolean {
    const { largest, seen, size } = this.#window;
    const { maxBytes, prefetch } = this.#parts;
    return size < prefetch && seen >= Math.max(leastSeen, size) && size * 2 * largest <= maxBytes / 4;
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
      // It was in transit when the limit was reached.
      if (this.#isOverfull()) return delivery.requeue();
      const { byteLength } = delivery.body;
      window.seen += 1;
      window.bytes += byteLength;
      window.largest = Math.max(window.largest, byteLength);
      this.#windows.set(delivery, window);
      this.#held += byteLength;
      if (byteLength > this.#parts.maxBytes / 4) this.#large.add(delivery.body);
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

function clamp(size: number, most: number): number {
  return Math.max(Math.floor(Math.min(size, most)), 1);
}
