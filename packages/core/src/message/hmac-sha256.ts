import { hash } from 'node:crypto';

const blockBytes = 64;
const digestBytes = 32;

/**
 * HMAC-SHA256 (RFC 2104) of texts under one key, by two one-shot hashes: those take two thirds of the time of
 * `createHmac`, which makes an object to be collected for each text.
 */
export class HmacSha256 {
  #inner: Buffer;
  readonly #outer = Buffer.alloc(blockBytes + digestBytes, 0x5c);

  constructor(key: Uint8Array) {
    this.#inner = Buffer.alloc(4096, 0x36);
    const block = key.length > blockBytes ? hash('sha256', key, 'buffer') : key;
    block.forEach((byte, index) => {
      this.#inner[index] = byte ^ 0x36;
      this.#outer[index] = byte ^ 0x5c;
    });
  }

  /** Of the text's UTF-8 bytes, as 64 lower-case hexadecimal digits. */
  digest(text: string): string {
    // A UTF-16 unit takes three bytes at most.
    const needed = blockBytes + text.length * 3;
    if (needed > this.#inner.length) {
      const larger = Buffer.alloc(needed * 2);
      this.#inner.copy(larger, 0, 0, blockBytes);
      this.#inner = larger;
    }
    const length = this.#inner.write(text, blockBytes, 'utf8');
    this.#outer.write(hash('sha256', this.#inner.subarray(0, blockBytes + length), 'hex'), blockBytes, 'hex');
    return hash('sha256', this.#outer, 'hex');
  }
}
