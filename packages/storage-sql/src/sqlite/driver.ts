import { types } from 'node:util';

import { DatabaseSync } from './addon.js';
import type { Table } from './table.js';

/** An error of SQLite with its extended result code, https://www.sqlite.org/rescode.html. */
export class SqliteError extends Error {
  override readonly name = 'SqliteError';
  readonly resultCode: number;

  constructor(message: string, resultCode: number, options?: ErrorOptions) {
    super(message, options);
    this.resultCode = resultCode;
  }
}

/**
 * A connection to SQLite with the interface that Kysely expects. Integers are read as `bigint`; it does not wait for
 * locks. Texts passed to it must not contain U+0000, where the library would end them.
 */
export class Database {
  readonly #sqlite;

  /**
   * @param path or a `file:` URL
   * @throws SqliteError, like all other methods
   */
  constructor(path: string) {
    this.#sqlite = told(() => new DatabaseSync(path, { readBigInts: true, timeout: 0 }));
  }

  get inTransaction(): boolean {
    return this.#sqlite.isTransaction;
  }

  exec(text: string): void {
    told(() => this.#sqlite.exec(text));
  }

  /**
   * Defines a function for statements that is called for each row, because its result depends on more than its
   * arguments.
   */
  define(name: string, work: () => number): void {
    told(() => this.#sqlite.function(name, { varargs: true }, work));
  }

  prepare(text: string): Statement {
    return new Statement(told(() => this.#sqlite.prepare(text)));
  }

  /** The files are closed when the statements of the connection have been garbage-collected. */
  close(): void {
    if (this.#sqlite.isOpen) told(() => this.#sqlite.close());
  }
}

/** It is reset before a call returns or throws, so one that met a lock does not stay open. */
export class Statement {
  readonly #statement;

  constructor(statement: ReturnType<InstanceType<typeof DatabaseSync>['prepare']>) {
    this.#statement = statement;
  }

  /** Whether it returns rows. */
  get reader(): boolean {
    return this.#statement.columns().length > 0;
  }

  all(parameters: readonly unknown[] = []): unknown[] {
    // The library's arrays are from the realm that loaded it.
    return [...told(() => this.#statement.all(...parameters))];
  }

  /** The same as a table, which takes half the time to make and to send to another thread. */
  table(parameters: readonly unknown[] = []): Table {
    return told(() => {
      const names = this.#statement.columns().map(({ name }) => name);
      this.#statement.setReturnArrays(true);
      const values: unknown[] = [];
      for (const row of this.#statement.all(...parameters) as readonly (readonly unknown[])[])
        for (const value of row) values.push(value);
      return { names, values };
    });
  }

  get(parameters: readonly unknown[] = []): unknown {
    return told(() => this.#statement.get(...parameters));
  }

  run(parameters: readonly unknown[] = []): { readonly changes: number; readonly lastInsertRowid: bigint } {
    const { changes, lastInsertRowid } = told(() => this.#statement.run(...parameters));
    return { changes: Number(changes), lastInsertRowid: BigInt(lastInsertRowid) };
  }

  iterate(parameters: readonly unknown[] = []): IterableIterator<unknown> {
    return this.all(parameters)[Symbol.iterator]();
  }
}

/** The library reports these only as text if a statement returns rows. */
const codesByMessage: Readonly<Record<string, number>> = {
  'database is locked': 5,
  'database table is locked': 6,
  'attempt to write a readonly database': 8,
  'disk I/O error': 10,
  'database disk image is malformed': 11,
  'database or disk is full': 13,
  'unable to open database file': 14,
  'file is not a database': 26,
};

function told<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw asSqliteError(error);
  }
}

function asSqliteError(error: unknown): unknown {
  if (!types.isNativeError(error) || !('code' in error) || error.code !== 'ERR_SQLITE_ERROR') return error;
  const code = 'errcode' in error ? error.errcode : codesByMessage[error.message];
  // 1 is SQLITE_ERROR, a generic failure.
  return new SqliteError(error.message, typeof code === 'number' ? code : 1, { cause: error });
}
