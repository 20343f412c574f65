/** Writes numbers of any size in as few bytes as they need: seven bits in each, the lowest first (LEB128). */
export class ByteWriter {
  #bytes = Buffer.allocUnsafe(256);
  #at = 0;

  byte(value: number): void {
    this.#room(1);
    this.#bytes[this.#at++] = value;
  }

  /** @param value an integer from 0 to 2^53 - 1 */
  count(value: number): void {
    this.#room(8);
    let rest = value;
    while (rest >= 128) {
      this.#bytes[this.#at++] = (rest % 128) + 128;
      rest = Math.floor(rest / 128);
    }
    this.#bytes[this.#at++] = rest;
  }

  /** An integer of any size: its sign is the lowest bit. */
  integer(value: bigint): void {
    let rest = value < 0n ? (-value << 1n) - 1n : value << 1n;
    while (rest > largest) {
      this.byte(Number(rest & 127n) + 128);
      rest >>= 7n;
    }
    this.count(Number(rest));
  }

  text(value: string): void {
    const length = Buffer.byteLength(value);
    this.count(length);
    this.#room(length);
    this.#at += this.#bytes.write(value, this.#at);
  }

  append(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  done(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#bytes.subarray(0, this.#at));
  }

  #room(size: number): void {
    if (this.#at + size <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(2 * this.#bytes.length + size);
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
  }
}

const largest = BigInt(Number.MAX_SAFE_INTEGER);

/** Reads what a {@link ByteWriter} wrote. @throws RangeError where the bytes end too early */
export class ByteReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  byte(): number {
    const value = this.#bytes[this.#at++];
    if (value === undefined) throw new RangeError('the bytes end too early');
    return value;
  }

  count(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.byte();
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  }

  integer(): bigint {
    const start = this.#at;
    while (this.byte() >= 128);
    const length = this.#at - start;
    this.#at = start;
    // 49 bits: a number is exact, and many times as fast.
    const value = length <= 7 ? BigInt(this.count()) : this.#large();
    return (value & 1n) === 1n ? -((value + 1n) >> 1n) : value >> 1n;
  }

  #large(): bigint {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.byte();
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  }

  /** What was not read yet. */
  rest(): Uint8Array {
    return this.#bytes.subarray(this.#at);
  }

  text(): string {
    const length = this.count();
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new RangeError('the bytes end too early');
    const value = this.#bytes.toString('utf8', this.#at, end);
    this.#at = end;
    return value;
  }
}
