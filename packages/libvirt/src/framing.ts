import { FramingError } from './errors.js';

/** The length word that leads every frame and counts itself. */
export const LENGTH_BYTES = 4;
/** Program, version, procedure, type, serial, status. */
export const HEADER_BYTES = 24;
/** `VIR_NET_MESSAGE_MAX` of virnetprotocol.x, which does not count the length word. */
export const FRAME_MAX = 33_554_432 + LENGTH_BYTES;
const FRAME_MIN = LENGTH_BYTES + HEADER_BYTES;

/** Takes a frame as `buffer[start, end)`, without its length word; the bytes are valid during the call only. */
export type OnFrame = (buffer: Buffer, start: number, end: number) => void;

/**
 * Splits a byte stream into frames. Whole frames are views of the chunk; only a frame that straddles chunks is
 * copied, into a buffer that grows with the bytes that actually arrived.
 */
export class FrameReader {
  readonly #onFrame: OnFrame;
  #partial = Buffer.alloc(0);
  #held = 0;

  constructor(onFrame: OnFrame) {
    this.#onFrame = onFrame;
  }

  /** @throws FramingError when a length is one that no frame can have; the stream cannot be read on then */
  push(chunk: Buffer): void {
    let offset = this.#held === 0 ? 0 : this.#complete(chunk);
    while (chunk.length - offset >= LENGTH_BYTES) {
      const length = frameLength(chunk, offset);
      if (chunk.length - offset < length) break;
      this.#onFrame(chunk, offset + LENGTH_BYTES, offset + length);
      offset += length;
    }
    if (offset < chunk.length) this.#hold(chunk, offset, chunk.length);
  }

  /** Whether the stream is between two frames. */
  get atBoundary(): boolean {
    return this.#held === 0;
  }

  /** Finishes the frame held from earlier chunks; returns how much of the chunk that took. */
  #complete(chunk: Buffer): number {
    let offset = this.#holdUpTo(chunk, 0, LENGTH_BYTES);
    if (this.#held < LENGTH_BYTES) return offset;
    const length = frameLength(this.#partial, 0);
    offset = this.#holdUpTo(chunk, offset, length);
    if (this.#held < length) return offset;
    const frame = this.#partial;
    this.#partial = Buffer.alloc(0);
    this.#held = 0;
    this.#onFrame(frame, LENGTH_BYTES, length);
    return offset;
  }

  #holdUpTo(chunk: Buffer, offset: number, wanted: number): number {
    const end = Math.min(chunk.length, offset + Math.max(0, wanted - this.#held));
    this.#hold(chunk, offset, end);
    return end;
  }

  #hold(chunk: Buffer, start: number, end: number): void {
    const held = this.#held + end - start;
    if (held > this.#partial.length) {
      const grown = Buffer.allocUnsafe(Math.min(FRAME_MAX, Math.max(1024, 2 * held)));
      this.#partial.copy(grown, 0, 0, this.#held);
      this.#partial = grown;
    }
    chunk.copy(this.#partial, this.#held, start, end);
    this.#held = held;
  }
}

function frameLength(buffer: Buffer, offset: number): number {
  const length = buffer.readUInt32BE(offset);
  if (length < FRAME_MIN || length > FRAME_MAX) {
    throw new FramingError(`a frame of ${length} bytes; libvirt's have ${FRAME_MIN} to ${FRAME_MAX}`);
  }
  return length;
}
