import { performance } from 'node:perf_hooks';

import { Mutex } from '@nephoscope/async';
import type { Delivery } from '@nephoscope/core/message-bus';

import { maxMiddleBytes, refusing } from './intake.js';
import type { Intake, Reading } from './intake.js';
import { Waiting } from './waiting.js';

export interface TurnsParts {
  readonly prefetch: number;
  /** Reads one as it came. */
  read(delivery: Delivery): Reading;
  /** Of a compressed one: resolves when it is without that. Never rejects. */
  unpack(delivery: Delivery): Promise<Reading>;
  /** It is gone, and comes again. */
  onDropped(delivery: Delivery): void;
  /** It takes its time, or is read now: its place in the prefetch is to be had elsewhere meanwhile. */
  onWaits(delivery: Delivery, waits: boolean): void;
  /** No other large one is to be begun now; {@link Turns.wake} says when one may be. */
  isFull(): boolean;
}

/** Larger ones take their turns: an agent's have 127 KiB at the most, but for a single message that is longer. */
const maxShortBytes = 128 * 1024;
/** How long one is read in one turn, ms. */
const turn = 20;
/** Who has waited for its turns for so long, ms, takes its time. */
const timeLimit = 50;
/** While short ones wait, the others have one turn in so many. */
const shareOfLong = 5;
/** Of those in doubt so many bytes wait together, beside the last: what waits takes the place of others in the prefetch. */
const maxDoubtedBytes = 1024 * 1024;

/** When compressed ones of so many bytes wait, no more of those larger than 1 MiB are decompressed: bzip2 takes a second for each. */
const maxPackedBytes = 16 * 1024 * 1024;

/** One that takes turns. */
interface Long {
  readonly delivery: Delivery;
  readonly reading: Reading;
  isBegun: boolean;
  /** As many of its messages as not were bad up to now. */
  isDoubted: boolean;
  onRead(): void;
}

/**
 * Messages that wait to be read, and whose turn it is. What is short is read first, oldest first; what is long, or was
 * compressed, or takes longer than a turn, is read in turns beside it: whoever sends it delays only what is like it.
 *
 * One that begins with bad messages is in doubt, and goes on when no other waits. Where many of these come they are not read
 * further: all that is good waits for would be those who have no key.
 */
export class Turns {
  readonly #parts: TurnsParts;
  readonly #short: Waiting;
  readonly #long: Long[] = [];
  /** They wait for each other, since each may take its bound in memory. */
  readonly #packed = new Set<Delivery>();
  readonly #unpacking = new Mutex();
  /** Those that take turns, oldest first: since when, and whether that was told. */
  readonly #waitingSince = new Map<Delivery, { readonly since: number; isTold: boolean }>();
  #looked = 0;
  /** How long short ones were read since the last turn of another, ms. */
  #since = 0;

  constructor(parts: TurnsParts) {
    const { onDropped, prefetch } = parts;
    this.#parts = parts;
    this.#short = new Waiting({ prefetch, onDropped });
  }

  add(delivery: Delivery): void {
    if (delivery.compression !== undefined) void this.#unpack(delivery);
    else if (delivery.body.byteLength <= maxShortBytes) this.#short.add(delivery);
    else this.#addLong(newLong(delivery, this.#parts.read(delivery)));
  }

  /** Reads one for a turn: what is in it, `unfinished`, or undefined where none waits. */
  next(): Intake | 'unfinished' | undefined {
    const doubted = this.#tooManyDoubted();
    if (doubted !== undefined) return this.#endEarly(doubted);
    const long = this.#pick();
    const short = long === undefined || this.#since < turn * (shareOfLong - 1) ? this.#short.take() : undefined;
    const start = performance.now();
    if (start - this.#looked > turn) this.#tellWaits(start);
    if (short !== undefined) {
      const begun: Long = newLong(short, this.#parts.read(short));
      const intake = readUntil(begun, start + turn);
      this.#since += performance.now() - start;
      if (intake === undefined) this.#addLong(begun);
      return intake ?? 'unfinished';
    }
    if (long === undefined) return undefined;
    this.#since = 0;
    const intake = readUntil(long, start + turn);
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

  /** Resolves when another one comes, and by {@link wake}. */
  change(): Promise<void> {
    return this.#short.change();
  }

  wake(): void {
    this.#short.wake();
  }

  /** All that is not read, for whoever stops: nothing is read any more. */
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
    this.#waitingSince.set(delivery, { since: performance.now(), isTold: false });
  }

  #exit(delivery: Delivery): void {
    if (this.#waitingSince.get(delivery)?.isTold === true) this.#parts.onWaits(delivery, false);
    this.#waitingSince.delete(delivery);
  }

  #tellWaits(now: number): void {
    this.#looked = now;
    for (const [delivery, waiting] of this.#waitingSince) {
      if (now - waiting.since < timeLimit) return;
      if (!waiting.isTold) this.#parts.onWaits(delivery, (waiting.isTold = true));
    }
  }

  /**
   * Of those that take turns: middle ones first, each a turn after the other and those in doubt last, then the large one that
   * was begun.
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

/** Reads it until then, or until it is in doubt and was not before. */
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
