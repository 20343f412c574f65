import fc from 'fast-check';
import { FramingError } from '../src/errors.js';
import { FRAME_MAX, FrameReader } from '../src/framing.js';
import { cut } from './cut.js';

function frame(body: Uint8Array): Buffer {
  const bytes = Buffer.alloc(4 + body.length);
  bytes.writeUInt32BE(bytes.length);
  bytes.set(body, 4);
  return bytes;
}

function reader(): { frames: Buffer[]; reader: FrameReader } {
  const frames: Buffer[] = [];
  return {
    frames,
    reader: new FrameReader((buffer, start, end) => frames.push(Buffer.from(buffer.subarray(start, end)))),
  };
}

const bodies = fc.array(fc.uint8Array({ minLength: 24, maxLength: 3_000 }), { maxLength: 12 });

describe('FrameReader', () => {
  it('finds the same frames however the stream is divided', () => {
    fc.assert(
      fc.property(bodies, fc.array(fc.nat()), (expected, at) => {
        const { frames, reader: stream } = reader();
        for (const chunk of cut(Buffer.concat(expected.map(frame)), at)) stream.push(chunk);
        expect(frames).toEqual(expected.map((body) => Buffer.from(body)));
        expect(stream.atBoundary).toBe(true);
      }),
    );
  });

  it('finds them byte by byte', () => {
    const { frames, reader: stream } = reader();
    const body = Buffer.alloc(5_000, 7);
    for (const byte of Buffer.concat([frame(body), frame(body)])) stream.push(Buffer.of(byte));
    expect(frames).toEqual([body, body]);
  });

  it('detects a stream that ends within a frame', () => {
    const { reader: stream } = reader();
    stream.push(frame(Buffer.alloc(30)).subarray(0, 20));
    expect(stream.atBoundary).toBe(false);
  });

  it.each([0, 4, 27, FRAME_MAX + 1, 0xffff_ffff])(
    'refuses a frame with a declared length of %d bytes, whole or divided',
    (length) => {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(length);
      expect(() => reader().reader.push(bytes)).toThrow(FramingError);
      const { reader: stream } = reader();
      stream.push(bytes.subarray(0, 3));
      expect(() => stream.push(bytes.subarray(3))).toThrow(FramingError);
    },
  );

  it('allocates memory for received bytes, not for the declared length', () => {
    const { reader: stream } = reader();
    const promise = Buffer.alloc(64);
    promise.writeUInt32BE(FRAME_MAX);
    const before = process.memoryUsage().arrayBuffers;
    const streams = Array.from({ length: 50 }, () => reader().reader);
    for (const one of [stream, ...streams]) one.push(promise);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(FRAME_MAX);
  });
});
