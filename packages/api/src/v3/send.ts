import { createHash } from 'node:crypto';
import { Readable, pipeline } from 'node:stream';
import { promisify } from 'node:util';
import { brotliCompress, constants, createBrotliCompress, createGzip, gzip } from 'node:zlib';

import type { Logger } from '@nephoscope/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import Negotiator from 'negotiator';

export interface Answer {
  readonly type: string;
  /** In parts that are made as the client takes them. */
  readonly parts: AsyncIterable<string | Buffer>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Bytes. Up to here a reply is made before it is sent, and has a length and an ETag; a longer one is streamed. */
const wholeUpTo = 4 * 2 ** 20;
/** Bytes. Shorter replies are not worth compressing. */
const compressedFrom = 1_024;

/** Brotli's default takes a hundred times as long for a tenth less. */
const brotli = { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } };

const codings = {
  br: {
    whole: (text: Buffer) => promisify(brotliCompress)(text, brotli),
    stream: () => createBrotliCompress(brotli),
  },
  gzip: { whole: (text: Buffer) => promisify(gzip)(text), stream: () => createGzip() },
} as const;

/**
 * Sends an answer. What fails before 4 MiB are there is a reply of its own; later, the connection is cut: no reply looks complete that is not.
 */
export async function send(
  request: FastifyRequest,
  reply: FastifyReply,
  { type, parts, headers = {} }: Answer,
  logger: Logger,
): Promise<FastifyReply> {
  void reply.headers({ ...headers, vary: 'accept, accept-encoding', 'cache-control': 'private, no-cache' });
  const coding = codingOf(request);
  const { begun, rest } = await beginning(parts);
  if (rest === undefined) {
    const etag = `W/"${createHash('sha256').update(type).update(begun).digest('base64url').slice(0, 22)}"`;
    void reply.header('etag', etag);
    if (hasAlready(request.headers['if-none-match'], etag)) return await reply.code(304).send();
    void reply.type(type);
    if (coding === undefined || begun.length < compressedFrom) return await reply.send(begun);
    return await reply.header('content-encoding', coding).send(await codings[coding].whole(begun));
  }
  async function* all(): AsyncGenerator<Buffer | string> {
    yield begun;
    yield* rest as AsyncIterable<string | Buffer>;
  }
  const failed = (err: unknown) => logger.warn({ err }, 'a reply was broken off');
  const text = Readable.from(all(), { objectMode: false, highWaterMark: 65_536 });
  text.on('error', failed);
  void reply.type(type);
  if (coding === undefined) return await reply.send(text);
  // What fails is told by `text`; the failure destroys what is compressed, too.
  return await reply
    .header('content-encoding', coding)
    .send(pipeline(text, codings[coding].stream(), () => undefined));
}

async function beginning(
  parts: AsyncIterable<string | Buffer>,
): Promise<{ readonly begun: Buffer; readonly rest: AsyncIterable<string | Buffer> | undefined }> {
  const iterator = parts[Symbol.asyncIterator]();
  const buffers: Buffer[] = [];
  for (let length = 0; length <= wholeUpTo;) {
    const next = await iterator.next();
    if (next.done === true) return { begun: Buffer.concat(buffers), rest: undefined };
    const buffer = typeof next.value === 'string' ? Buffer.from(next.value) : next.value;
    buffers.push(buffer);
    length += buffer.length;
  }
  return { begun: Buffer.concat(buffers), rest: { [Symbol.asyncIterator]: () => iterator } };
}

function codingOf({ headers }: FastifyRequest): keyof typeof codings | undefined {
  // Without the header any coding would do, but who says nothing may know none.
  if (headers['accept-encoding'] === undefined) return undefined;
  const [first] = new Negotiator({ headers }).encodings([...Object.keys(codings), 'identity']);
  return first === 'br' || first === 'gzip' ? first : undefined;
}

/** Compared weakly: what is compressed in another way is the same. */
function hasAlready(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return (
    header.trim() === '*' || header.split(',').some((one) => one.trim().replace(/^W\//, '') === etag.slice(2))
  );
}
