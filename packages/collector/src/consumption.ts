import { performance } from 'node:perf_hooks';

import { describeError } from '@nephoscope/core';
import type { Clock, Logger } from '@nephoscope/core';
import type { Delivery, MessageBus, Subscription } from '@nephoscope/core/message-bus';

export interface ConsumptionParts {
  readonly bus: MessageBus;
  readonly queue: string;
  readonly prefetch: number;
  /**
   * While the messages that are held beside the largest are larger together, no more are taken, until a quarter of them is
   * released. A single one that is larger than all that may be held keeps nothing else off.
   */
  readonly maxBytes: number;
  readonly handler: (delivery: Delivery) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

const pauseAfterFailure = 1_000;

/** What may be set by at once: so many messages, and such a part of the bytes. */
const mostSetBy = 20_000;
const mostOfBytesSetBy = 5 / 8;
/** A wide window stays so long, ms, after something was set by at last: to consume anew costs answers of the broker. */
const staysWide = 5_000;
/** After so many messages a window is judged by what came through it. */
const leastSeen = 8;

/** One subscription, and what came by it. */
interface Window {
  readonly size: number;
  setBy: number;
  seen: number;
  /** Of all that came, and of the largest. */
  bytes: number;
  largest: number;
}

const newWindow = (size: number): Window => ({ size, setBy: 0, seen: 0, bytes: 0, largest: 0 });

/**
 * Consumes a queue with a bound in bytes beside the prefetch, which counts messages and would let gigabytes in. Brokers
 * know no such bound, so it takes itself off the queue meanwhile; what was on its way then goes back, and the next window is
 * narrow enough for messages of that size, and grows again while what comes is smaller.
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
  /** Bodies of more than a quarter of what may be held. */
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

  /** The message is settled, or gone; each that was handed over is to be released once. */
  release({ body }: Delivery): void {
    this.#held -= body.byteLength;
    this.#large.delete(body);
    this.#onChange();
  }

  /** The message will be settled only much later, or is about to be after all. */
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

  /** It was made narrow for large messages, and what comes now is small. */
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
      // It was on its way as the bound was met.
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
