import { createHash } from 'node:crypto';

import { NephoscopeError } from '@nephoscope/core';

const newline = 0x0a;

interface End {
  readonly count: number;
  readonly sha256: string;
}

/**
 * The rows of an export in NDJSON, as they come. All of them came, and as they were sent, only when it ends without an error.
 *
 * @param response to a request that accepts `application/x-ndjson`
 * @throws EXPORT_CUT when the last line is missing or tells of other rows, also when the connection breaks
 */
export async function* readExport(response: Response): AsyncGenerator<unknown> {
  if (!response.ok || response.body === null)
    throw new NephoscopeError('EXPORT_REFUSED', `the API answered ${response.status} instead of an export`);
  const hash = createHash('sha256');
  let count = 0;
  let end: End | undefined;
  for await (const line of linesOf(response.body)) {
    if (end !== undefined) throw cut('something follows its last line');
    const value = parsed(line);
    end = endOf(value);
    if (end !== undefined) continue;
    hash.update(line);
    count += 1;
    yield value;
  }
  if (end === undefined) throw cut(`its last line is missing, after ${count} rows`);
  if (end.count !== count) throw cut(`it has ${count} rows instead of ${end.count}`);
  if (end.sha256 !== hash.digest('hex')) throw cut('its rows are not those that were sent');
}

/** Lines with their ends. */
async function* linesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Buffer> {
  let rest = Buffer.alloc(0);
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((cause: unknown) => {
        throw cut('the connection broke', cause);
      });
      if (done) break;
      const bytes = Buffer.concat([rest, value]);
      let from = 0;
      for (let to = bytes.indexOf(newline); to >= 0; to = bytes.indexOf(newline, from)) {
        yield bytes.subarray(from, to + 1);
        from = to + 1;
      }
      rest = bytes.subarray(from);
    }
    if (rest.length > 0) throw cut('it ends within a line');
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

function parsed(line: Buffer): unknown {
  try {
    return JSON.parse(line.toString());
  } catch (cause) {
    throw cut('one of its lines is not JSON', cause);
  }
}

function endOf(value: unknown): End | undefined {
  const { end } = (value ?? {}) as { readonly end?: Partial<End> | string };
  if (typeof end !== 'object' || typeof end.count !== 'number' || typeof end.sha256 !== 'string') return undefined;
  return { count: end.count, sha256: end.sha256 };
}

function cut(reason: string, cause?: unknown): NephoscopeError {
  return new NephoscopeError('EXPORT_CUT', `the export is not complete: ${reason}. Ask for it again`, { cause });
}
