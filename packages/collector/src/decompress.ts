import { promisify } from 'node:util';
import * as zlib from 'node:zlib';

import { Mutex, NephoscopeError, describeError } from '@nephoscope/core';
import type { Delivery } from '@nephoscope/core';
import Bunzip from 'seek-bzip';

type Decompress = (body: Uint8Array, maxBytes: number) => Promise<Uint8Array>;

const inflate =
  (work: (body: Uint8Array, options: { maxOutputLength: number }) => Promise<Uint8Array>): Decompress =>
  (body, maxOutputLength) =>
    work(body, { maxOutputLength });

const gzip = inflate(promisify(zlib.unzip));
const bzip2: Decompress = (body, maxBytes) => Promise.resolve(new BoundedOutput(maxBytes).read(body));
const brotli = inflate(promisify(zlib.brotliDecompress));
// Node has it from 22.15 on.
const zstd = 'zstdDecompress' in zlib ? inflate(promisify(zlib.zstdDecompress as typeof zlib.unzip)) : undefined;

/** By kombu's names and their short forms. What it calls gzip is zlib's format; `unzip` knows both by their first bytes. */
const methods: ReadonlyMap<string, Decompress | undefined> = new Map([
  ...['application/x-gzip', 'application/gzip', 'application/zlib', 'gzip', 'zlib'].map(
    (name) => [name, gzip] as const,
  ),
  ...['application/x-bz2', 'application/x-bzip2', 'bzip2', 'bzip'].map((name) => [name, bzip2] as const),
  ...['application/x-brotli', 'brotli'].map((name) => [name, brotli] as const),
  ...['application/zstd', 'zstd', 'zstandard'].map((name) => [name, zstd] as const),
]);

/** One after the other: each may take its bound in memory. */
const turns = new Mutex();

/**
 * The body of a delivery as it was before its sender's library compressed it.
 *
 * @throws BODY_COMPRESSED when it cannot be had, or is larger than `maxBytes`
 */
export async function decompressed({ body, compression }: Delivery, maxBytes: number): Promise<Uint8Array> {
  if (compression === undefined) return body;
  const method = methods.get(compression.toLowerCase());
  if (method === undefined) throw compressed(`by '${compression.slice(0, 60)}', which cannot be read here`);
  try {
    return await turns.run(() => method(body, maxBytes));
  } catch (error) {
    if (isTooMuch(error)) throw compressed(`and of more than ${maxBytes} bytes without it`, error);
    throw compressed(`by '${compression}', and damaged: ${describeError(error)}`, error);
  }
}

function isTooMuch(error: unknown): boolean {
  return (error as { readonly code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE';
}

function compressed(what: string, cause?: unknown): NephoscopeError {
  return new NephoscopeError('BODY_COMPRESSED', `the body is compressed ${what}`, { cause });
}

/** What the library writes to, byte by byte. Its own buffer would grow without a bound. */
class BoundedOutput {
  readonly #most: number;
  #bytes: Buffer;
  #length = 0;

  constructor(most: number) {
    this.#most = most;
    this.#bytes = Buffer.alloc(Math.min(most, 64 * 1024));
  }

  read(body: Uint8Array): Uint8Array {
    if (body.byteLength === 0) throw new Error('it is empty');
    Bunzip.decode(Buffer.from(body), this, true);
    return this.#bytes.subarray(0, this.#length);
  }

  writeByte(byte: number): void {
    if (this.#length === this.#bytes.length) this.#grow();
    this.#bytes[this.#length++] = byte;
  }

  #grow(): void {
    if (this.#length === this.#most)
      throw Object.assign(new RangeError('the output is too large'), { code: 'ERR_BUFFER_TOO_LARGE' });
    const larger = Buffer.alloc(Math.min(this.#most, this.#length * 2));
    this.#bytes.copy(larger);
    this.#bytes = larger;
  }
}
