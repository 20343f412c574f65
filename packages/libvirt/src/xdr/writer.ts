import { ArgumentError } from '../errors.js';
import { STRING_MAX } from './limits.js';

const BLOCK = 65_536;

/**
 * Writes XDR (RFC 4506) after what was written before, so that the requests of one tick are sent as one piece. Taken
 * bytes are never overwritten: they belong to the caller.
 */
export class XdrWriter {
  #buffer: Buffer;
  #view: DataView;
  #start = 0;
  #offset = 0;

  constructor(block = BLOCK) {
    this.#buffer = Buffer.allocUnsafeSlow(block);
    this.#view = new DataView(this.#buffer.buffer);
  }

  /** Bytes written and not taken yet. */
  get position(): number {
    return this.#offset - this.#start;
  }

  /** All bytes since the last `take`, without a copy. */
  take(): Buffer {
    const taken = this.#buffer.subarray(this.#start, this.#offset);
    this.#start = this.#offset;
    return taken;
  }

  /** Discards what was written after `position`. */
  rollback(position: number): void {
    this.#offset = this.#start + position;
  }

  /** Overwrites the 32 bits at `position`. */
  patchUint32(position: number, value: number): void {
    this.#view.setUint32(this.#start + position, value);
  }

  int32(value: number): void {
    const at = this.#reserve(4);
    this.#view.setInt32(at, value);
  }

  uint32(value: number): void {
    const at = this.#reserve(4);
    this.#view.setUint32(at, value);
  }

  int64(value: bigint): void {
    const at = this.#reserve(8);
    this.#view.setBigInt64(at, value);
  }

  uint64(value: bigint): void {
    const at = this.#reserve(8);
    this.#view.setBigUint64(at, value);
  }

  double(value: number): void {
    const at = this.#reserve(8);
    this.#view.setFloat64(at, value);
  }

  boolean(value: boolean): void {
    this.uint32(value ? 1 : 0);
  }

  string(value: string): void {
    // A UTF-16 unit takes at most three bytes of UTF-8; the rest is the length and the padding.
    const at = this.#reserve(value.length * 3 + 7);
    const length = this.#buffer.write(value, at + 4, 'utf8');
    if (length > STRING_MAX)
      throw new ArgumentError(`a string of ${length} bytes exceeds libvirt's limit of ${STRING_MAX}`);
    this.#view.setUint32(at, length);
    this.#pad(at + 4, length);
  }

  optional<T>(value: T | undefined, write: (value: T) => void): void {
    this.boolean(value !== undefined);
    if (value !== undefined) write(value);
  }

  array<T>(values: readonly T[], write: (value: T) => void): void {
    this.uint32(values.length);
    for (const value of values) write(value);
  }

  opaque(bytes: Uint8Array): void {
    const at = this.#reserve(bytes.length + 3);
    this.#buffer.set(bytes, at);
    this.#pad(at, bytes.length);
  }

  uuid(uuid: string): void {
    const hex = uuid.replaceAll('-', '');
    if (hex.length !== 32) throw new ArgumentError(`${JSON.stringify(uuid)} is not a UUID`);
    const at = this.#reserve(16);
    if (this.#buffer.write(hex, at, 'hex') !== 16)
      throw new ArgumentError(`${JSON.stringify(uuid)} is not a UUID`);
  }

  #pad(at: number, length: number): void {
    this.#offset = at + length;
    while ((this.#offset - at) % 4 !== 0) this.#buffer[this.#offset++] = 0;
  }

  /** Makes room; may replace the buffer and its view, so take those only after it. */
  #reserve(bytes: number): number {
    if (this.#offset + bytes > this.#buffer.length) this.#grow(bytes);
    const at = this.#offset;
    this.#offset += bytes;
    return at;
  }

  #grow(bytes: number): void {
    const pending = this.#buffer.subarray(this.#start, this.#offset);
    this.#buffer = Buffer.allocUnsafeSlow(Math.max(BLOCK, 2 * (pending.length + bytes)));
    this.#view = new DataView(this.#buffer.buffer);
    this.#buffer.set(pending);
    this.#start = 0;
    this.#offset = pending.length;
  }
}
