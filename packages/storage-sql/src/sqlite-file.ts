import { existsSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

import { NephoscopeError } from '@nephoscope/core';

import { Database } from './sqlite/driver.js';

/** A value as SQLite has it: integers are `bigint`, and only floating-point numbers are `number`. */
export type SqliteValue = string | bigint | number | Uint8Array | null;

/** An SQLite file of another program, which is read and not changed. Its methods throw SQLITE_FILE. */
export class SqliteFile {
  readonly #path: string;
  readonly #database: Database;

  /** @throws SQLITE_FILE if it does not exist, or is not an SQLite file */
  constructor(path: string) {
    this.#path = path;
    if (!existsSync(path)) throw new NephoscopeError('SQLITE_FILE', `${path} does not exist`);
    this.#database = this.#told(() => new Database(`${pathToFileURL(path).href}?mode=ro`));
  }

  /** Empty if there is no such table. */
  columnsOf(table: string): readonly string[] {
    return this.rows('select name from pragma_table_info(?)', [table]).map(({ name }) => String(name));
  }

  /** All rows of a statement, in memory. */
  rows(text: string, parameters: readonly SqliteValue[] = []): readonly Readonly<Record<string, SqliteValue>>[] {
    return this.#told(() => this.#database.prepare(text).all(parameters)) as Record<string, SqliteValue>[];
  }

  close(): void {
    this.#database.close();
  }

  #told<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw new NephoscopeError('SQLITE_FILE', `${this.#path} cannot be read`, { cause: error });
    }
  }
}
