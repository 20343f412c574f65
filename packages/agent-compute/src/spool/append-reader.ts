import type { ReadRecord } from '../disk/framing.js';
import type { SpoolRecord } from './record.js';

/**
 * Tells which records of a segment count. The messages of an append count together or not at all: the numbers of some of
 * them would look like gaps. What a version before wrote has no appends; its messages count each by itself.
 */
export class AppendReader {
  #begun = 0;
  #left = 0;
  #pending: ReadRecord<SpoolRecord>[] = [];
  #pendingFrom = 0;
  #skipped = 0;
  #hasHole = false;
  #end = 0;

  /** How many appends there were. */
  get begun(): number {
    return this.#begun;
  }

  /** Whether messages of the last append have not come yet. */
  get isIncomplete(): boolean {
    return this.#left > 0;
  }

  /** Whether the messages that are missing were there once, and are damaged. */
  get isDamaged(): boolean {
    return this.#left > 0 && this.#left === this.#skipped && !this.#hasHole;
  }

  /** Offset behind the last record that is not of an append of which something is missing. */
  get end(): number {
    return this.isIncomplete ? this.#pendingFrom : this.#end;
  }

  /** Takes the next record and gives those that are known to count now. */
  take(read: ReadRecord<SpoolRecord>): readonly ReadRecord<SpoolRecord>[] {
    const { record, end } = read;
    if (record.kind === 'message' && this.#left > 0) {
      this.#pending.push(read);
      this.#left -= 1;
      this.#skipped += read.skipped;
      this.#hasHole ||= read.hasHole;
      this.#end = end;
      return this.#left === 0 ? this.flush() : [];
    }
    // Whatever is missing of the one before was damaged later: nothing is written behind one that is not durable.
    const before = this.flush();
    if (record.kind !== 'append') {
      this.#end = end;
      return [...before, read];
    }
    this.#begun += 1;
    this.#left = record.messages;
    this.#pendingFrom = this.#end;
    this.#end = end;
    return before;
  }

  /** The messages of an append that are there, of which others are missing. */
  flush(): readonly ReadRecord<SpoolRecord>[] {
    const pending = this.#pending;
    this.#pending = [];
    this.#left = this.#skipped = 0;
    this.#hasHole = false;
    return pending;
  }
}
