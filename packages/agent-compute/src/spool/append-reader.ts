import type { ReadRecord } from '../disk/framing.js';
import type { SpoolRecord } from './record.js';

/**
 * Determines which records of a segment are valid. The messages of an append are valid together or not at all,
 * because the numbers of some of them would look like gaps. Segments of older versions have no appends; each of their
 * messages counts by itself.
 */
export class AppendReader {
  #begun = 0;
  #left = 0;
  #pending: ReadRecord<SpoolRecord>[] = [];
  #pendingFrom = 0;
  #skipped = 0;
  #hasHole = false;
  #end = 0;

  /** Number of appends so far. */
  get begun(): number {
    return this.#begun;
  }

  /** Whether messages of the last append are still to come. */
  get isIncomplete(): boolean {
    return this.#left > 0;
  }

  /** Whether the missing messages existed and are damaged. */
  get isDamaged(): boolean {
    return this.#left > 0 && this.#left === this.#skipped && !this.#hasHole;
  }

  /** Offset after the last record of a complete append. */
  get end(): number {
    return this.isIncomplete ? this.#pendingFrom : this.#end;
  }

  /** Adds the next record and returns those now known to be valid. */
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
    // If anything is missing of the previous append, it was damaged later: nothing is written after an append that is
    // not durable.
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

  /** The present messages of an append of which others are missing. */
  flush(): readonly ReadRecord<SpoolRecord>[] {
    const pending = this.#pending;
    this.#pending = [];
    this.#left = this.#skipped = 0;
    this.#hasHole = false;
    return pending;
  }
}
