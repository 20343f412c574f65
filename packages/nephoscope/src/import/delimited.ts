import { NephoscopeError } from '@nephoscope/core';

import { textOf, withoutReturn } from './lines.js';
import type { Line } from './lines.js';

/** A row of a table: its cells by the names of the columns, null for what the table does not have. */
export interface Row {
  /** The line that it begins on. */
  readonly line: number;
  readonly cells: ReadonlyMap<string, string | null> | { readonly problem: string };
}

export interface Table {
  readonly columns: readonly string[];
  readonly rows: AsyncIterable<Row>;
}

/**
 * A table with a head: CSV (RFC 4180) as of PostgreSQL's `\copy … csv header`, where an empty cell without quotes is null; or
 * tab-separated values with backslashes as of `mysql --batch` and PostgreSQL's text format, where `\N` and `NULL` are null.
 *
 * @throws IMPORT_UNREADABLE if there is no head
 */
export async function readTable(lines: AsyncIterable<Line>): Promise<Table> {
  const iterator = lines[Symbol.asyncIterator]();
  const first = await iterator.next();
  const head = first.done === true ? '' : withoutReturn(textOf(first.value)).replace(/^\ufeff/, '');
  const tabs = head.includes('\t');
  const columns = (cellsOf(head, tabs) ?? []).map((name) => name ?? '');
  if (columns.every((name) => name === ''))
    throw new NephoscopeError('IMPORT_UNREADABLE', 'the first line has no names of columns');
  if (new Set(columns).size < columns.length)
    throw new NephoscopeError('IMPORT_UNREADABLE', 'the first line has a name of a column twice');
  const rest = { [Symbol.asyncIterator]: () => iterator };
  return { columns, rows: rowsOf(rest, columns, tabs) };
}

/** Lines of one row. A cell with line ends is of metadata, and short. */
const mostLines = 10_000;

async function* rowsOf(
  lines: AsyncIterable<Line>,
  columns: readonly string[],
  tabs: boolean,
): AsyncGenerator<Row> {
  let begun: { readonly line: number; readonly texts: string[]; quotes: number } | undefined;
  for await (const line of lines) {
    let text: string;
    try {
      text = textOf(line);
    } catch {
      // Where a row is not readable, one that began before it is not either.
      yield { line: begun?.line ?? line.number, cells: { problem: 'it is not UTF-8' } };
      begun = undefined;
      continue;
    }
    if (begun === undefined && withoutReturn(text) === '') continue;
    begun ??= { line: line.number, texts: [], quotes: 0 };
    begun.texts.push(text);
    if (!tabs) begun.quotes += countOf(text, '"');
    if (begun.quotes % 2 === 1) {
      if (begun.texts.length < mostLines) continue;
      throw new NephoscopeError('IMPORT_UNREADABLE', `the quote in line ${begun.line} is not closed`);
    }
    yield { line: begun.line, cells: namedCells(cellsOf(withoutReturn(begun.texts.join('\n')), tabs), columns) };
    begun = undefined;
  }
  if (begun !== undefined)
    yield { line: begun.line, cells: { problem: 'its quote is not closed: the file was cut' } };
}

function namedCells(cells: readonly (string | null)[] | undefined, columns: readonly string[]): Row['cells'] {
  if (cells === undefined) return { problem: 'a quote is where none may be' };
  if (cells.length !== columns.length)
    return { problem: `it has ${cells.length} cells, and the table has ${columns.length} columns` };
  return new Map(columns.map((name, at) => [name, cells[at] ?? null]));
}

/** Undefined for what is not CSV. */
function cellsOf(row: string, tabs: boolean): (string | null)[] | undefined {
  return tabs ? row.split('\t').map(tabbedCell) : commaCells(row);
}

const escapes: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  0: '\0',
  b: '\b',
  f: '\f',
  v: '\v',
};

function tabbedCell(text: string): string | null {
  if (text === '\\N' || text === 'NULL') return null;
  return text.replace(/\\(.)/gs, (_, character: string) => escapes[character] ?? character);
}

/** A quoted cell or a plain one, with the comma or the end after it. */
const cell = /(?:"([^"]*(?:""[^"]*)*)"|([^",]*))(,|$)/gy;

function commaCells(row: string): (string | null)[] | undefined {
  const cells: (string | null)[] = [];
  cell.lastIndex = 0;
  for (;;) {
    const match = cell.exec(row);
    if (match === null) return undefined;
    const [, quoted, plain = '', after] = match;
    cells.push(quoted === undefined ? (plain === '' ? null : plain) : quoted.replaceAll('""', '"'));
    if (after === '') return cells;
  }
}

function countOf(text: string, character: string): number {
  let count = 0;
  for (let at = text.indexOf(character); at >= 0; at = text.indexOf(character, at + 1)) count += 1;
  return count;
}
