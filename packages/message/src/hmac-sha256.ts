import { hash, timingSafeEqual } from 'node:crypto';

const blockBytes = 64;
const digestBytes = 32;
/** A buffer of this size is kept. For a longer text a larger one is allocated and released. */
const usualBytes = 16 * 1024;

/**
 * HMAC-SHA256 (RFC 2104) of texts under one key, by two one-shot hashes. They take two thirds of the time of
 * `createHmac`, which creates an object for each text.
 */
export class HmacSha256 {
  readonly #inner = Buffer.alloc(usualBytes, 0x36);
  readonly #outer = Buffer.alloc(blockBytes + digestBytes, 0x5c);
  readonly #found = Buffer.alloc(2 * digestBytes);
  readonly #claimed = Buffer.alloc(2 * digestBytes);

  constructor(key: Uint8Array) {
    const block = key.length > blockBytes ? hash('sha256', key, 'buffer') : key;
    block.forEach((byte, index) => {
      this.#inner[index] = byte ^ 0x36;
      this.#outer[index] = byte ^ 0x5c;
    });
  }

  /**
   * HMAC of a text's UTF-8 bytes, as 64 lower-case hexadecimal digits. Byte arrays among its parts are UTF-8 already.
   */
  digest(...parts: readonly (string | Uint8Array)[]): string {
    const inner = this.#roomFor(parts);
    let length = blockBytes;
    for (const part of parts) {
      if (typeof part === 'string') {
        length += inner.write(part, length, 'utf8');
      } else {
        inner.set(part, length);
        length += part.length;
      }
    }
    this.#outer.write(hash('sha256', inner.subarray(0, length), 'binary'), blockBytes, 'binary');
    return hash('sha256', this.#outer, 'hex');
  }

  /** Whether it is the digest of this text, compared in constant time. */
  matches(parts: readonly (string | Uint8Array)[], claimed: string): boolean {
    this.#found.write(this.digest(...parts), 'latin1');
    this.#claimed.write(claimed, 'latin1');
    return claimed.length === this.#claimed.length && timingSafeEqual(this.#found, this.#claimed);
  }

  #roomFor(parts: readonly (string | Uint8Array)[]): Buffer {
    let needed = blockBytes;
    // A UTF-16 unit takes at most three bytes.
    for (const part of parts) needed += part.length * 3;
    if (needed <= usualBytes) return this.#inner;
    const room = Buffer.allocUnsafeSlow(needed);
    this.#inner.copy(room, 0, 0, blockBytes);
    return room;
  }
}
