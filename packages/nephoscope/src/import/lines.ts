import { isUtf8 } from 'node:buffer';

import { NephoscopeError } from '@nephoscope/core';

/** A line of a file, without its line end. */
export interface Line {
  /** From 1 on. */
  readonly number: number;
  readonly bytes: Buffer;
}

/** A page of Ceilometer's API is one line, which can be long. */
const longestLine = 64 * 2 ** 20;
const lineFeed = 0x0a;

/** @throws IMPORT_UNREADABLE for a line of more than 64 MiB; what `parts` throws */
export async function* linesOf(parts: AsyncIterable<Buffer>): AsyncGenerator<Line> {
  let number = 1;
  let begun: Buffer[] = [];
  let length = 0;
  for await (const part of parts) {
    let at = 0;
    for (let end = part.indexOf(lineFeed); end >= 0; end = part.indexOf(lineFeed, at)) {
      const rest = part.subarray(at, end);
      yield { number, bytes: begun.length === 0 ? rest : Buffer.concat([...begun, rest]) };
      number += 1;
      begun = [];
      length = 0;
      at = end + 1;
    }
    if (at === part.length) continue;
    begun.push(part.subarray(at));
    length += part.length - at;
    if (length > longestLine)
      throw new NephoscopeError(
        'IMPORT_UNREADABLE',
        `line ${number} has more than 64 MiB: it is not a file of samples`,
      );
  }
  if (begun.length > 0) yield { number, bytes: Buffer.concat(begun) };
}

/** @throws IMPORT_LINE if it is not UTF-8: a reader would replace what it cannot read */
export function textOf({ bytes }: Pick<Line, 'bytes'>): string {
  if (!isUtf8(bytes)) throw new NephoscopeError('IMPORT_LINE', 'it is not UTF-8');
  return bytes.toString('utf8');
}

/** A line of a file whose lines end with CR LF. */
export function withoutReturn(text: string): string {
  return text.endsWith('\r') ? text.slice(0, -1) : text;
}
