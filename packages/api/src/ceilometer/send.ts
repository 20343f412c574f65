import { Readable } from 'node:stream';

import type { Logger } from '@nephoscope/core';
import { parseJson } from '@nephoscope/message';
import type { FastifyReply } from 'fastify';

import type { MediaType } from './media-type.js';
import type { Reply } from './reply.js';
import { xmlElement } from './xml.js';

/** An error before the first part becomes an error reply; later, the connection is cut, so that an incomplete reply does not look complete. */
export async function send(
  to: FastifyReply,
  reply: Reply,
  type: MediaType,
  logger: Logger,
): Promise<FastifyReply> {
  const isXml = type !== 'application/json';
  void to
    .code(reply.status ?? 200)
    .headers(reply.headers ?? {})
    .type(isXml ? `${type}; charset=utf-8` : type);
  if ('item' in reply) return await to.send(isXml ? xmlElement('result', parseJson(reply.item)) : reply.item);
  const { request } = to;
  async function* counted(items: AsyncIterable<string>) {
    request.rows = 0;
    for await (const item of items) {
      request.rows += 1;
      yield item;
    }
  }
  const items = counted(reply.items);
  const parts = isXml ? xmlParts(items) : jsonParts(items, reply.name);
  const first = await parts.next();
  async function* all() {
    if (first.done === true) return;
    yield first.value;
    yield* parts;
  }
  const stream = Readable.from(all(), { objectMode: false, highWaterMark: 65_536 });
  stream.on('error', (err) => logger.warn({ err }, 'a reply was broken off'));
  return await to.send(stream);
}

function jsonParts(items: AsyncIterable<string>, name: string | undefined): AsyncGenerator<string> {
  const [before, after] = name === undefined ? ['[', ']'] : [`{${JSON.stringify(name)}:[`, ']}'];
  return inParts(items, { before, after, separator: ',' });
}

async function* xmlParts(items: AsyncIterable<string>): AsyncGenerator<string> {
  async function* elements() {
    for await (const item of items) yield xmlElement('item', parseJson(item));
  }
  yield* inParts(elements(), { before: '<result>', after: '</result>', separator: '' });
}

/** In characters. */
const partSize = 16_384;

async function* inParts(
  items: AsyncIterable<string>,
  { before, after, separator }: { readonly before: string; readonly after: string; readonly separator: string },
): AsyncGenerator<string> {
  let part = before;
  let isFirst = true;
  for await (const item of items) {
    part += isFirst ? item : separator + item;
    isFirst = false;
    if (part.length < partSize) continue;
    yield part;
    part = '';
  }
  yield part + after;
}
