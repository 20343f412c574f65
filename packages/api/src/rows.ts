/**
 * Rows as CSV and NDJSON, for the API and for commands that write the same. Both end with a line that says how many there were, and what all
 * bytes before that line hash to: a file without it was cut.
 */
import { createHash } from 'node:crypto';

export { csvLine } from './csv.js';

/** What one answer can be written as. */
export interface Rows<T> {
  readonly items: AsyncIterable<T> | Iterable<T>;
  /** Names of the columns of CSV. */
  readonly head: readonly string[];
  /** One line, its end included. */
  csv(item: T): string;
  /** A JSON text without line breaks. */
  json(item: T): string;
}

/** Characters: large enough that hashing and sending cost little for each row. */
const partSize = 65_536;

/** @param next leads to what follows, where this is a page */
export async function* csvOf<T>(
  { items, head, csv }: Rows<T>,
  next?: () => string | undefined,
): AsyncGenerator<Buffer> {
  yield* sealed(`${head.join(',')}\n`, items, csv, (count, sha256) => {
    const cursor = next?.();
    return `#end,count=${count},sha256=${sha256}${cursor === undefined ? '' : `,next=${cursor}`}\n`;
  });
}

/** @param next leads to what follows, where this is a page */
export async function* ndjsonOf<T>(
  { items, json }: Rows<T>,
  next?: () => string | undefined,
): AsyncGenerator<Buffer> {
  yield* sealed(
    '',
    items,
    (item) => `${json(item)}\n`,
    (count, sha256) => `${JSON.stringify({ end: { count, sha256, next: next?.() } })}\n`,
  );
}

async function* sealed<T>(
  head: string,
  items: AsyncIterable<T> | Iterable<T>,
  line: (item: T) => string,
  end: (count: number, sha256: string) => string,
): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  let count = 0;
  let part = head;
  for await (const item of items) {
    part += line(item);
    count += 1;
    if (part.length < partSize) continue;
    const bytes = Buffer.from(part);
    hash.update(bytes);
    yield bytes;
    part = '';
  }
  hash.update(part);
  yield Buffer.from(part + end(count, hash.digest('hex')));
}
