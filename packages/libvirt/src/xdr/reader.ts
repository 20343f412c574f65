import { STRING_MAX } from './limits.js';

/** Bytes that are not the XDR of what was expected. */
export class XdrError extends Error {
  override readonly name = 'XdrError';
}

const empty = Buffer.alloc(0);

/**
 * Reads XDR (RFC 4506) in place from a window of a buffer. Every read checks that its bytes lie inside of
 * the window before anything is made from them, and throws an `XdrError` when they do not.
 */
export class XdrReader {
  #buffer: Buffer = empty;
  #view: DataView = new DataView(empty.buffer, empty.byteOffset, 0);
  #offset = 0;
  #end = 0;

  constructor(buffer: Buffer = empty, start = 0, end = buffer.length) {
    this.reset(buffer, start, end);
  }

  /** Reads on from `buffer[start, end)`: one reader serves all frames, and one view all frames of a chunk. */
  reset(buffer: Buffer, start: number, end: number): void {
    if (buffer !== this.#buffer) {
      this.#buffer = buffer;
      this.#view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
    }
    this.#offset = start;
    this.#end = end;
  }

  /** Bytes not read yet. */
  get remaining(): number {
    return this.#end - this.#offset;
  }

  int32(): number {
    return this.#view.getInt32(this.#take(4));
  }

  uint32(): number {
    return this.#view.getUint32(this.#take(4));
  }

  int64(): bigint {
    return this.#view.getBigInt64(this.#take(8));
  }

  uint64(): bigint {
    return this.#view.getBigUint64(this.#take(8));
  }

  double(): number {
    return this.#view.getFloat64(this.#take(8));
  }

  boolean(): boolean {
    return this.int32() !== 0;
  }

  /** UTF-8; invalid bytes become U+FFFD, because libvirt passes file names through unchanged. */
  string(max = STRING_MAX): string {
    const length = this.length(max);
    const start = this.#take(padded(length));
    return this.#buffer.toString('utf8', start, start + length);
  }

  optional<T>(read: (reader: XdrReader) => T): T | undefined {
    return this.boolean() ? read(this) : undefined;
  }

  /**
   * A variable-length array.
   *
   * @param minSize the fewest bytes that one element takes, so that a count that the frame cannot hold is
   *   refused before the array is made
   */
  array<T>(max: number, minSize: number, read: (reader: XdrReader) => T): T[] {
    const count = this.count(max, minSize);
    const items: T[] = [];
    for (let index = 0; index < count; index += 1) items.push(read(this));
    return items;
  }

  /** The checked element count of a variable-length array. */
  count(max: number, minSize: number): number {
    const count = this.length(max);
    if (count * minSize > this.remaining)
      throw new XdrError(`${count} elements do not fit in ${this.remaining} bytes`);
    return count;
  }

  /** Fixed-length opaque data, as a view that is valid only until the next frame. */
  opaque(length: number): Buffer {
    const start = this.#take(padded(length));
    return this.#buffer.subarray(start, start + length);
  }

  /** A UUID of 16 bytes, with dashes. */
  uuid(): string {
    const start = this.#take(16);
    const hex = this.#buffer.toString('hex', start, start + 16);
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  }

  /** A short ASCII string that occurs often: `known` converts its bytes to the same string each time. */
  name(known: { get(buffer: Buffer, start: number, length: number): string }): string {
    const length = this.length(STRING_MAX);
    return known.get(this.#buffer, this.#take(padded(length)), length);
  }

  /** Fails when bytes are left: they would mean that the value was read by the wrong definition. */
  finish(): void {
    if (this.remaining !== 0) throw new XdrError(`${this.remaining} bytes too many`);
  }

  length(max: number): number {
    const length = this.uint32();
    if (length > max) throw new XdrError(`length ${length} exceeds the limit of ${max}`);
    return length;
  }

  #take(bytes: number): number {
    const start = this.#offset;
    if (start + bytes > this.#end) {
      throw new XdrError(`${bytes} bytes wanted where ${this.#end - start} are left`);
    }
    this.#offset = start + bytes;
    return start;
  }
}

const padded = (length: number): number => (length + 3) & ~3;
