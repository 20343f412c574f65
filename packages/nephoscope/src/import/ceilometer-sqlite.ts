import { NephoscopeError } from '@nephoscope/core';
import { SqliteFile } from '@nephoscope/storage-sql/sqlite-file';
import type { SqliteValue } from '@nephoscope/storage-sql/sqlite-file';

import type { Row, Table } from './delimited.js';

const atOnce = 1_000;

/**
 * The samples in an SQLite file of Ceilometer, by id. Its tables had three forms: all of a sample in one row (of `meter`, later of
 * `sample`); meters in a table of their own; and resources with their owners and metadata in one, too.
 *
 * @throws SQLITE_FILE, IMPORT_UNREADABLE if there are no such tables
 */
export async function* ceilometerSqlite(path: string): AsyncGenerator<Table> {
  const file = new SqliteFile(path);
  try {
    const { columns, text } = statementOf(file);
    yield { columns, rows: rowsOf(file, text, columns) };
  } finally {
    file.close();
  }
}

async function* rowsOf(file: SqliteFile, text: string, columns: readonly string[]): AsyncGenerator<Row> {
  let after: SqliteValue = -(2n ** 63n);
  for (;;) {
    const rows = file.rows(text, [after]);
    for (const row of rows) {
      after = row['row_id'] ?? null;
      yield { line: Number(after), cells: cellsOf(row, columns) };
    }
    if (rows.length < atOnce) return;
    // Reading does not wait for anything, so signals would not be seen.
    await new Promise(setImmediate);
  }
}

function cellsOf(row: Readonly<Record<string, SqliteValue>>, columns: readonly string[]): Row['cells'] {
  const cells = new Map<string, string | null>();
  for (const name of columns) {
    const value = row[name] ?? null;
    if (value instanceof Uint8Array) return { problem: `its ${name} is not a text` };
    // Of a float this is the shortest text that reads back as the same one, as in Ceilometer's API.
    cells.set(name, value === null ? null : String(value));
  }
  return cells;
}

function statementOf(file: SqliteFile): { readonly columns: readonly string[]; readonly text: string } {
  const table = ['sample', 'meter'].find((name) => file.columnsOf(name).includes('message_id'));
  if (table === undefined)
    throw new NephoscopeError('IMPORT_UNREADABLE', 'it has no table of samples, neither sample nor meter');
  const own = file.columnsOf(table);
  const joined = new Map<string, string>();
  const fromMeter = (name: string, there: string) => {
    if (own.includes(name)) return `s.${name}`;
    joined.set('m', 'left join meter m on m.id = s.meter_id');
    return `m.${there}`;
  };
  const fromResource = (name: string) => {
    if (file.columnsOf('resource').includes('internal_id')) {
      joined.set('r', 'left join resource r on r.internal_id = s.resource_id');
      return `r.${name}`;
    }
    return `s.${name}`;
  };
  const values: Readonly<Record<string, string>> = {
    message_id: 's.message_id',
    counter_name: fromMeter('counter_name', 'name'),
    counter_type: fromMeter('counter_type', 'type'),
    counter_unit:
      own.includes('meter_id') || own.includes('counter_unit') ? fromMeter('counter_unit', 'unit') : 'null',
    counter_volume: own.includes('counter_volume') ? 's.counter_volume' : 's.volume',
    user_id: fromResource('user_id'),
    project_id: fromResource('project_id'),
    resource_id: fromResource('resource_id'),
    timestamp: 's.timestamp',
    resource_metadata: fromResource('resource_metadata'),
    source: sourceOf(file, own, fromResource),
  };
  const selected = Object.entries(values).map(([name, value]) => `${value} as ${name}`);
  const text = `select s.id as row_id, ${selected.join(', ')} from ${table} s ${[...joined.values()].join(' ')} where s.id > ? order by s.id limit ${atOnce}`;
  return { columns: Object.keys(values), text };
}

/** At first a sample could have several sources, in a table of their own; nothing ever gave it more than one. */
function sourceOf(file: SqliteFile, own: readonly string[], fromResource: (name: string) => string): string {
  if (own.includes('source_id') || file.columnsOf('resource').includes('source_id'))
    return fromResource('source_id');
  const there = file.columnsOf('sourceassoc');
  const key = ['sample_id', 'meter_id'].find((name) => there.includes(name));
  return key === undefined ? 'null' : `(select a.source_id from sourceassoc a where a.${key} = s.id limit 1)`;
}
