import { isUtf8 } from 'node:buffer';

import { maxMeteringLineBytes } from './field-rules.js';
import { nephoscopeWire } from './metering-wire.js';
import type { MeteringWire } from './metering-wire.js';

/** A line that is not valid UTF-8, as received. */
export interface UnreadableLine {
  readonly reason: string;
  readonly bytes: Uint8Array;
}

/** The body of these messages, each a line without its end. For large numbers use {@link MeteringBatch}. */
export function encodeMeteringBatch(lines: readonly string[]): Uint8Array {
  return Buffer.from(`${lines.join('\n')}\n`, 'utf8');
}

/** A body and the number of its metering messages. */
export interface MeteringBody {
  readonly bytes: Uint8Array;
  readonly lines: number;
}

/** What fits into an AMQP frame of the default 128 KiB. */
const bodyBytes = 127 * 1024;

/**
 * Collects the metering messages of one meter into bodies of at most 127 KiB; only a longer message makes a longer
 * body. Each message is converted to bytes at once: tens of thousands of waiting texts would take several times the
 * memory, and a third of the CPU time for garbage collection.
 */
export class MeteringBatch {
  readonly #wire: MeteringWire;
  readonly #closed: MeteringBody[] = [];
  #bytes = Buffer.alloc(0);
  #length = 0;
  #lines = 0;
  /** Size of the next buffer, small at first for a few lines. */
  #size = 4096;

  constructor(wire: MeteringWire = nephoscopeWire) {
    this.#wire = wire;
  }

  /** @param line a metering message without a line end */
  add(line: string): void {
    const { separator, tail } = this.#wire;
    const text = this.#wire.encode(line);
    const length = Buffer.byteLength(text);
    if (this.#lines > 0 && this.#length + separator.length + length + tail.length > bodyBytes) this.#close();
    const before = this.#lines === 0 ? this.#wire.head() : separator;
    this.#makeRoom(Buffer.byteLength(before) + length + tail.length);
    this.#append(before);
    this.#append(text);
    this.#lines += 1;
  }

  /** All messages so far, in their order. */
  bodies(): readonly MeteringBody[] {
    this.#close();
    return this.#closed;
  }

  #makeRoom(needed: number): void {
    if (this.#length + needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#size, this.#length + needed));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
    this.#size = Math.min(this.#size * 8, bodyBytes);
  }

  #append(text: string): void {
    this.#length += this.#bytes.write(text, this.#length, 'utf8');
  }

  #close(): void {
    if (this.#lines === 0) return;
    this.#append(this.#wire.tail);
    this.#closed.push({ bytes: this.#bytes.subarray(0, this.#length), lines: this.#lines });
    this.#bytes = Buffer.alloc(0);
    this.#length = this.#lines = 0;
  }
}

/**
 * The lines of a body without empty ones. Each line is decoded separately, so that a malformed one affects only
 * itself.
 */
export function* splitMeteringBatch(body: Uint8Array): Generator<string | UnreadableLine, void, undefined> {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  for (let start = 0; start < bytes.length;) {
    // With many empty lines, searching for the end of each would take a hundred times as long.
    if (bytes[start] === 0x0a) {
      start += 1;
      continue;
    }
    const lineEnd = bytes.indexOf(0x0a, start);
    const end = lineEnd < 0 ? bytes.length : lineEnd;
    yield decodeLine(bytes.subarray(start, end));
    start = end + 1;
  }
}

function decodeLine(bytes: Buffer): string | UnreadableLine {
  if (bytes.length > maxMeteringLineBytes) {
    return { reason: `a line of ${bytes.length} bytes, more than ${maxMeteringLineBytes}`, bytes };
  }
  return isUtf8(bytes) ? bytes.toString('utf8') : { reason: 'a line that is not UTF-8', bytes };
}
