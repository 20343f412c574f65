import { hash, timingSafeEqual } from 'node:crypto';

const blockBytes = 64;
const digestBytes = 32;

/**
 * HMAC-SHA256 (RFC 2104) of texts under one key, by two one-shot hashes: those take two thirds of the time of
 * `createHmac`, which makes an object to be collected for each text.
 */
export class HmacSha256 {
  #inner: Buffer;
  readonly #outer = Buffer.alloc(blockBytes + digestBytes, 0x5c);
  readonly #found = Buffer.alloc(2 * digestBytes);
  readonly #claimed = Buffer.alloc(2 * digestBytes);

  constructor(key: Uint8Array) {
    this.#inner = Buffer.alloc(4096, 0x36);
    const block = key.length > blockBytes ? hash('sha256', key, 'buffer') : key;
    block.forEach((byte, index) => {
      this.#inner[index] = byte ^ 0x36;
      this.#outer[index] = byte ^ 0x5c;
    });
  }

  /** Of a text's UTF-8 bytes, as 64 lower-case hexadecimal digits. Bytes among its parts are in UTF-8 already. */
  digest(...parts: readonly (string | Uint8Array)[]): string {
    let length = blockBytes;
    for (const part of parts) {
      // A UTF-16 unit takes three bytes at most.
      this.#makeRoom(length + part.length * 3);
      if (typeof part === 'string') {
        length += this.#inner.write(part, length, 'utf8');
      } else {
        this.#inner.set(part, length);
        length += part.length;
      }
    }
    this.#outer.write(hash('sha256', this.#inner.subarray(0, length), 'binary'), blockBytes, 'binary');
    return hash('sha256', this.#outer, 'hex');
  }

  /** Whether it is the digest of this text, found out in a time that does not tell how much of it is right. */
  matches(parts: readonly (string | Uint8Array)[], claimed: string): boolean {
    this.#found.write(this.digest(...parts), 'latin1');
    this.#claimed.write(claimed, 'latin1');
    return claimed.length === this.#claimed.length && timingSafeEqual(this.#found, this.#claimed);
  }

  #makeRoom(needed: number): void {
    if (needed <= this.#inner.length) return;
    const larger = Buffer.alloc(needed * 2);
    this.#inner.copy(larger);
    this.#inner = larger;
  }
}
