import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { addAbortSignal } from 'node:stream';

import { NephoscopeError } from '@nephoscope/core';

import { ceilometerSqlite } from './ceilometer-sqlite.js';
import { ceilometerTable } from './ceilometer-table.js';
import { readTable } from './delimited.js';
import type { Entry } from './entry.js';
import { gnocchiTable, isGnocchiTable } from './gnocchi-table.js';
import type { GnocchiMetric } from './gnocchi-table.js';
import { jsonLines } from './json-lines.js';
import type { ImportSettings } from './json-lines.js';
import { linesOf } from './lines.js';

/**
 * What a file has, in the format that it begins with: an SQLite file, NDJSON, or a table with a head.
 *
 * @param path `-` for standard input
 * @param signal ends waiting for more input
 * @throws IMPORT_UNREADABLE if it cannot be read, or has no known format; EXPORT_INCOMPLETE, SQLITE_FILE
 */
export async function* entriesOf(
  path: string,
  metric: GnocchiMetric,
  settings: ImportSettings,
  signal: AbortSignal,
): AsyncGenerator<Entry> {
  if (path !== '-' && (await isSqlite(path))) {
    for await (const table of ceilometerSqlite(path))
      yield* ceilometerTable(table, (id) => `${path} row ${id}`, settings);
    return;
  }
  const name = path === '-' ? 'standard input' : path;
  const { first, parts } = await beginningOf(partsOf(path, name, signal));
  const lines = linesOf(parts);
  if (first === '{' || first === '[') return yield* jsonLines(lines, name, settings);
  if (first === undefined) return settings.note(`${name} is empty`);
  const table = await readTable(lines);
  const placeOf = (line: number) => `${name}:${line}`;
  if (isGnocchiTable(table)) yield* gnocchiTable(table, placeOf, metric, settings);
  else yield* ceilometerTable(table, placeOf, settings);
}

async function isSqlite(path: string): Promise<boolean> {
  return told(path, async () => {
    const file = await open(path, 'r');
    try {
      const { buffer } = await file.read(Buffer.alloc(16), 0, 16, 0);
      return buffer.toString('latin1') === 'SQLite format 3\0';
    } finally {
      await file.close();
    }
  });
}

async function* partsOf(path: string, name: string, signal: AbortSignal): AsyncGenerator<Buffer> {
  const stream = path === '-' ? process.stdin : createReadStream(path, { highWaterMark: 2 ** 18 });
  addAbortSignal(signal, stream);
  const iterator = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  for (;;) {
    const next = await told(name, () => iterator.next());
    if (next.done === true) return;
    yield next.value;
  }
}

/** The first character that is no blank, and everything again. */
async function beginningOf(
  parts: AsyncGenerator<Buffer>,
): Promise<{ readonly first: string | undefined; readonly parts: AsyncIterable<Buffer> }> {
  const read: Buffer[] = [];
  let first: string | undefined;
  while (first === undefined) {
    const next = await parts.next();
    if (next.done === true) break;
    read.push(next.value);
    first = /[^\s\ufeff]/.exec(next.value.toString('utf8'))?.[0];
  }
  async function* all() {
    yield* read;
    yield* parts;
  }
  return { first, parts: all() };
}

async function told<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new NephoscopeError('IMPORT_UNREADABLE', `${name} cannot be read`, { cause: error });
  }
}
