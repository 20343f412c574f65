import { open } from 'node:fs/promises';

import { readSegment } from './segment.js';
import type { ReadSegment } from './segment.js';

const chunkBytes = 1024 * 1024;

/** Records of a file; their `end` is an offset in the file. */
export interface ReadPart extends ReadSegment {
  /** Offset after what was read. */
  readonly end: number;
}

/**
 * The records of a file from one offset to another, or to its end, by the mebibyte, so that memory use does not
 * depend on its length.
 *
 * @param from where a record begins
 */
export async function* readParts(
  path: string,
  from: number,
  end: number,
): AsyncGenerator<ReadPart, void, undefined> {
  const file = await open(path, 'r');
  try {
    const to = Math.min(end, (await file.stat()).size);
    let length = chunkBytes;
    for (let offset = from; offset < to;) {
      const bytes = Buffer.allocUnsafeSlow(Math.min(length, to - offset));
      const isLast = offset + bytes.length >= to;
      const filled = await fill(file, bytes, offset);
      const part = inFile(readSegment(bytes.subarray(0, filled)), offset);
      const read = filled - part.torn;
      if (isLast || filled < bytes.length) return yield { ...part, end: offset + read };
      // A longer record, or damage whose end has not been found yet.
      if (read === 0) {
        length *= 2;
        continue;
      }
      length = chunkBytes;
      offset += read;
      yield { ...part, torn: 0, end: offset };
    }
  } finally {
    await file.close();
  }
}

function inFile({ records, ...part }: ReadSegment, offset: number): ReadSegment {
  return { ...part, records: records.map(({ end, ...read }) => ({ ...read, end: offset + end })) };
}

/** Returns the number of bytes read, which is smaller if the file is shorter. */
async function fill(file: Awaited<ReturnType<typeof open>>, bytes: Buffer, from: number): Promise<number> {
  let filled = 0;
  while (filled < bytes.length) {
    const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, from + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled;
}
