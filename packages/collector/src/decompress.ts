import { promisify } from 'node:util';
import * as zlib from 'node:zlib';

import { Mutex } from '@nephoscope/async';
import { NephoscopeError, describeError } from '@nephoscope/core';
import type { Delivery } from '@nephoscope/core/message-bus';

import { bunzip } from './bunzip.js';

type Decompress = (body: Uint8Array, maxBytes: number) => Promise<Uint8Array>;

const inflate =
  (work: (body: Uint8Array, options: { maxOutputLength: number }) => Promise<Uint8Array>): Decompress =>
  (body, maxOutputLength) =>
    work(body, { maxOutputLength });

const gzip = inflate(promisify(zlib.unzip));
const brotli = inflate(promisify(zlib.brotliDecompress));
// Available in Node from 22.15.
const zstd = 'zstdDecompress' in zlib ? inflate(promisify(zlib.zstdDecompress as typeof zlib.unzip)) : undefined;

/**
 * By kombu's names and their short forms. What kombu calls gzip is zlib's format; `unzip` detects both by their first
 * bytes.
 */
const methods: ReadonlyMap<string, Decompress | undefined> = new Map([
  ...['application/x-gzip', 'application/gzip', 'application/zlib', 'gzip', 'zlib'].map(
    (name) => [name, gzip] as const,
  ),
  ...['application/x-bz2', 'application/x-bzip2', 'bzip2', 'bzip'].map((name) => [name, bunzip] as const),
  ...['application/x-brotli', 'brotli'].map((name) => [name, brotli] as const),
  ...['application/zstd', 'zstd', 'zstandard'].map((name) => [name, zstd] as const),
]);

/** Whether this version supports it on this Node. */
export function canDecompress(compression: string): boolean {
  return methods.get(compression.toLowerCase()) !== undefined;
}

/** One after the other, because each may need as much memory as is allowed. */
const mutex = new Mutex();

/**
 * Maximum expansion of a body, apart from a minimum size. No real one comes near: a signed sample needs 32 bytes for
 * its signature alone, however it is compressed, and has its own id.
 */
const maxRatio = 200;
const leastRoom = 64 * 1024;

/**
 * The body of a delivery before compression by the sender's library; decompressed in other threads.
 *
 * @throws BODY_COMPRESSED if it cannot be decompressed, is larger than `maxBytes`, or more than 200 times as large as
 *   the compressed body
 */
export async function decompressed(
  { body, compression }: Pick<Delivery, 'body' | 'compression'>,
  maxBytes: number,
): Promise<Uint8Array> {
  if (compression === undefined) return body;
  const method = methods.get(compression.toLowerCase());
  if (method === undefined) throw compressed(`by '${compression.slice(0, 60)}', which is not supported`);
  const most = Math.min(maxBytes, Math.max(leastRoom, body.byteLength * maxRatio));
  try {
    return await mutex.run(() => method(body, most));
  } catch (error) {
    if (isTooMuch(error)) {
      const times = most < maxBytes && most > leastRoom ? ` (${maxRatio} times what came)` : '';
      throw compressed(`and of more than ${most} bytes${times} without it`, error);
    }
    throw compressed(`by '${compression}', and damaged: ${describeError(error)}`, error);
  }
}

function isTooMuch(error: unknown): boolean {
  return (error as { readonly code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE';
}

function compressed(what: string, cause?: unknown): NephoscopeError {
  return new NephoscopeError('BODY_COMPRESSED', `the body is compressed ${what}`, { cause });
}
