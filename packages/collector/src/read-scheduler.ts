import { performance } from 'node:perf_hooks';

import { Mutex } from '@nephoscope/async';
import type { Delivery } from '@nephoscope/core/message-bus';

import { DeliveryQueue } from './delivery-queue.js';
import { maxMiddleBytes, refusing } from './intake.js';
import type { Intake, Reading } from './intake.js';

export interface ReadSchedulerParts {
  readonly prefetch: number;
  /** Begins to read a message that is not compressed. */
  read(delivery: Delivery): Reading;
  /** Decompresses a message and begins to read it. Never rejects. */
  unpack(delivery: Delivery): Promise<Reading>;
  /** Called for a delivery whose channel is gone; it will be delivered again. */
  onDropped(delivery: Delivery): void;
  /** Called when a message has waited too long, and when it no longer waits. Meanwhile its slot in the prefetch must be made up for. */
  onWaits(delivery: Delivery, waits: boolean): void;
  /** Whether no further large message may be begun now. {@link ReadScheduler.wake} must be called when one may be. */
  isFull(): boolean;
}

/** Larger messages are read in slices. An agent's have at most 127 KiB, except for a single message that is longer. */
const maxShortBytes = 128 * 1024;
/** How long a message is read before the next one is, ms. */
const slice = 20;
/** After waiting this long, ms, a message is reported by `onWaits`. */
const timeLimit = 50;
/** While short messages wait, long ones get one slice in this many. */
const shareOfLong = 5;
/** Limit for doubted messages that wait, not counting the last one, because waiting messages fill the prefetch. */
const maxDoubtedBytes = 1024 * 1024;

/** When compressed messages of this size wait, further ones over 1 MiB are not decompressed: bzip2 takes a second for each. */
const maxPackedBytes = 16 * 1024 * 1024;

/** A message that is read in slices. */
interface Long {
  readonly delivery: Delivery;
  readonly reading: Reading;
  isBegun: boolean;
  /** At least half of the samples read from it so far were bad. */
  isDoubted: boolean;
  onRead(): void;
}

/**
 * Decides which of the waiting messages is read next. Short messages are read first, oldest first. A message that is long, was
 * compressed or takes longer than a slice is read in slices in between, so that it delays only messages of its kind.
 *
 * A message that begins with bad samples is doubted, and is continued when no other waits. If many of these arrive, they are
 * not read further, so that a sender without a key cannot delay good messages.
 */
export class ReadScheduler {
  readonly #parts: ReadSchedulerParts;
  readonly #short: DeliveryQueue;
  readonly #long: Long[] = [];
  /** Decompressed one at a time, because each may need as much memory as is allowed. */
  readonly #packed = new Set<Delivery>();
  readonly #unpacking = new Mutex();
  /** Long messages, oldest first: since when they wait, and whether that was reported. */
  readonly #waitingSince = new Map<Delivery, { readonly since: number; isReported: boolean }>();
  #looked = 0;
  /** How long short messages were read since the last slice of a long one, ms. */
  #since = 0;

  constructor(parts: ReadSchedulerParts) {
    const { onDropped, prefetch } = parts;
    this.#parts = parts;
    this.#short = new DeliveryQueue({ prefetch, onDropped });
  }

  add(delivery: Delivery): void {
    if (delivery.compression !== undefined) void this.#unpack(delivery);
    else if (delivery.body.byteLength <= maxShortBytes) this.#short.add(delivery);
    else this.#addLong(newLong(delivery, this.#parts.read(delivery)));
  }

  /** Reads one message for one slice. Returns its contents, `unfinished`, or undefined if none waits. */
  next(): Intake | 'unfinished' | undefined {
    const doubted = this.#tooManyDoubted();
    if (doubted !== undefined) return this.#endEarly(doubted);
    const long = this.#pick();
    const short = long === undefined || this.#since < slice * (shareOfLong - 1) ? this.#short.take() : undefined;
    const start = performance.now();
    if (start - this.#looked > slice) this.#reportWaits(start);
    if (short !== undefined) {
      const begun: Long = newLong(short, this.#parts.read(short));
      const intake = readUntil(begun, start + slice);
      this.#since += performance.now() - start;
      if (intake === undefined) this.#addLong(begun);
      return intake ?? 'unfinished';
    }
    if (long === undefined) return undefined;
    this.#since = 0;
    const intake = readUntil(long, start + slice);
    if (intake === undefined) return 'unfinished';
    this.#leave(long);
    return intake;
  }

  #tooManyDoubted(): Long | undefined {
    const doubted = this.#long.filter(({ isDoubted }) => isDoubted);
    const bytes = doubted.reduce((sum, { delivery }) => sum + delivery.body.byteLength, 0);
    return doubted.length > 1 && bytes > maxDoubtedBytes ? doubted[0] : undefined;
  }

  #endEarly(long: Long): Intake | 'unfinished' {
    const { done, value } = long.reading.next('enough');
    if (done !== true) {
      long.isDoubted = false;
      return 'unfinished';
    }
    this.#leave(long);
    return value;
  }

  /** Resolves when a message arrives, and on {@link wake}. */
  change(): Promise<void> {
    return this.#short.change();
  }

  wake(): void {
    this.#short.wake();
  }

  /** Removes and returns all unread messages. Nothing is read after that. */
  drain(): readonly Delivery[] {
    const left: Delivery[] = [...this.#packed];
    for (let next = this.#short.take(); next !== undefined; next = this.#short.take()) left.push(next);
    for (const { delivery } of this.#long.splice(0)) if (!this.#packed.has(delivery)) left.push(delivery);
    this.#packed.clear();
    return left;
  }

  #addLong(long: Long): void {
    if (!this.#packed.has(long.delivery)) this.#enter(long.delivery);
    this.#long.push(long);
    this.wake();
  }

  async #unpack(delivery: Delivery): Promise<void> {
    const waiting = this.#packedBytes();
    this.#packed.add(delivery);
    if (delivery.body.byteLength > maxMiddleBytes && waiting > maxPackedBytes) {
      const why = new Error(
        `it is compressed and of more than 1 MiB, while others of ${waiting} bytes wait for that`,
      );
      this.#enter(delivery);
      return this.#addLong(newLong(delivery, refusing(delivery, why)));
    }
    this.#enter(delivery);
    await this.#unpacking.run(async () => {
      if (delivery.isGone && this.#packed.delete(delivery)) {
        this.#exit(delivery);
        this.#parts.onDropped(delivery);
      }
      if (!this.#packed.has(delivery)) return;
      const reading = await this.#parts.unpack(delivery);
      if (this.#packed.has(delivery))
        await new Promise<void>((resolve) => this.#addLong(newLong(delivery, reading, resolve)));
    });
  }

  #packedBytes(): number {
    let bytes = 0;
    for (const { body } of this.#packed) bytes += body.byteLength;
    return bytes;
  }

  #leave(long: Long): void {
    this.#long.splice(this.#long.indexOf(long), 1);
    this.#packed.delete(long.delivery);
    this.#exit(long.delivery);
    long.onRead();
  }

  #enter(delivery: Delivery): void {
    this.#waitingSince.set(delivery, { since: performance.now(), isReported: false });
  }

  #exit(delivery: Delivery): void {
    if (this.#waitingSince.get(delivery)?.isReported === true) this.#parts.onWaits(delivery, false);
    this.#waitingSince.delete(delivery);
  }

  #reportWaits(now: number): void {
    this.#looked = now;
    for (const [delivery, waiting] of this.#waitingSince) {
      if (now - waiting.since < timeLimit) return;
      if (!waiting.isReported) this.#parts.onWaits(delivery, (waiting.isReported = true));
    }
  }

  /**
   * The long message to read next: middle-sized ones first, in rotation and the doubted ones last, then the large one that was
   * begun.
   */
  #pick(): Long | undefined {
    for (const long of this.#long.filter(({ delivery }) => delivery.isGone)) {
      this.#leave(long);
      this.#parts.onDropped(long.delivery);
    }
    const middle = this.#long.filter(({ delivery }) => delivery.body.byteLength <= maxMiddleBytes);
    const one = middle.find(({ isDoubted }) => !isDoubted) ?? middle[0];
    if (one !== undefined) {
      this.#long.splice(this.#long.indexOf(one), 1);
      this.#long.push(one);
      return one;
    }
    return this.#long.find(({ isBegun }) => isBegun) ?? (this.#parts.isFull() ? undefined : this.#long[0]);
  }
}

const newLong = (delivery: Delivery, reading: Reading, onRead: () => void = () => undefined): Long => ({
  delivery,
  reading,
  isBegun: false,
  isDoubted: false,
  onRead,
});

/** Reads until `end`, or until the message becomes doubted. */
function readUntil(long: Long, end: number): Intake | undefined {
  long.isBegun = true;
  const wasDoubted = long.isDoubted;
  for (;;) {
    const { done, value } = long.reading.next();
    if (done === true) return value;
    if (value !== undefined) long.isDoubted = !value;
    if (performance.now() >= end || (long.isDoubted && !wasDoubted)) return undefined;
  }
}
