import { randomBytes } from 'node:crypto';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';

import { FakeDelivery } from '@nephoscope/testing';

import { bunzip } from '../src/bunzip.js';
import { decompressed } from '../src/decompress.js';

const text = 'a body\n';
// Made by Debian's bzip2, because Node has no encoder: the same text, and 45 MB of zeros.
const bzip2 = Buffer.from('QlpoOTFBWSZTWQBWN4QAAAFRgAAQQAA0AIAgIAAiDJtCGAGmQou5IpwoSAArG8IA', 'base64');
const bzip2Bomb = Buffer.from('QlpoOTFBWSZTWckBtsgBWKtAIMAAEAAACCAAMMwFKaZSSFJsVJIUni7kinChIZIDbZA=', 'base64');

const delivery = (compression: string | undefined, body: Uint8Array) =>
  new FakeDelivery({ queue: 'metering', body, compression });

it.each([
  // What kombu calls gzip is zlib's format.
  ['application/x-gzip', deflateSync(text)],
  ['application/x-gzip', gzipSync(text)],
  ['gzip', gzipSync(text)],
  ['application/x-bz2', bzip2],
  ['BZIP2', bzip2],
  ['application/x-bz2', Buffer.concat([bzip2, bzip2])],
  ['application/x-brotli', brotliCompressSync(text)],
  [undefined, Buffer.from(text)],
])('decompresses what %s compressed', async (compression, body) => {
  const plain = Buffer.from(await decompressed(delivery(compression, body), 100)).toString();
  expect(plain.replaceAll(text, '')).toBe('');
  expect(plain.length).toBeGreaterThan(0);
});

it.each([
  ['application/x-gzip', deflateSync(Buffer.alloc(50_000_000)), 1_000_000],
  // No real body of so few bytes becomes as large as the limit.
  ['application/x-bz2', bzip2Bomb, 65_536],
  ['application/x-brotli', brotliCompressSync(Buffer.alloc(50_000_000)), 65_536],
])(
  'refuses a body that would exceed the limit, without decompressing it completely (%s)',
  async (compression, bomb, most) => {
    const before = process.memoryUsage().rss;
    await expect(decompressed(delivery(compression, bomb), 1_000_000)).rejects.toMatchObject({
      code: 'BODY_COMPRESSED',
      message: `the body is compressed and of more than ${most} bytes without it`,
    });
    expect(process.memoryUsage().rss - before).toBeLessThan(40_000_000);
  },
);

it('names the ratio if the ratio is too large', async () => {
  const bomb = gzipSync(Buffer.alloc(900_000));
  await expect(decompressed(delivery('gzip', bomb), 1_000_000)).rejects.toMatchObject({
    message: `the body is compressed and of more than ${bomb.byteLength * 200} bytes (200 times what came) without it`,
  });
});

it('decompresses messages with the highest ratio that can occur', async () => {
  // Messages of one meter: only the random parts differ, such as the id and the signature.
  const lines = Array.from(
    { length: 500 },
    () => `${'of the same resource '.repeat(65)}${randomBytes(48).toString('hex')}\n`,
  );
  const body = brotliCompressSync(lines.join(''));
  expect(lines.join('').length / body.length).toBeGreaterThan(20);
  const plain = await decompressed(delivery('brotli', body), 1_000_000);
  expect(Buffer.from(plain).toString()).toBe(lines.join(''));
});

it.each([
  ['application/x-gzip', gzipSync(text).subarray(0, 12)],
  ['application/x-gzip', Buffer.from('no gzip')],
  ['application/x-gzip', Buffer.alloc(0)],
  ['application/x-bz2', bzip2.subarray(0, 20)],
  ['application/x-bz2', Buffer.from('no bzip2')],
  ['application/x-bz2', Buffer.alloc(0)],
  ['application/x-bz2', Buffer.concat([bzip2.subarray(0, 30), Buffer.alloc(30, 1)])],
])('reports a damaged body (%s)', async (compression, body) => {
  await expect(decompressed(delivery(compression, body), 100)).rejects.toMatchObject({
    code: 'BODY_COMPRESSED',
    message: expect.stringContaining(`by '${compression}', and damaged: `),
  });
});

it('reports a compression that is not supported', async () => {
  await expect(decompressed(delivery('application/x-lzma', Buffer.from('x')), 100)).rejects.toMatchObject({
    code: 'BODY_COMPRESSED',
    message: "the body is compressed by 'application/x-lzma', which is not supported",
  });
});

it('gives up on a body when the bzip2 thread takes too long, and decompresses the next one', async () => {
  await expect(bunzip(bzip2Bomb, 50_000_000, 1)).rejects.toThrow('it takes longer than 1 ms');
  expect(Buffer.from(await bunzip(bzip2, 100)).toString()).toBe(text);
});
