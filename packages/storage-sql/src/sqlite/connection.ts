import { resolve } from 'node:path';

import { CompiledQuery, Kysely, SqliteAdapter, SqliteDialect, SqliteDriver } from 'kysely';
import type { DatabaseConnection, SqliteDialectConfig } from 'kysely';

import type { Schema } from '../schema.js';
import { openDatabase } from './database.js';
import type { Database } from './driver.js';

/** An open file: for typed queries, and for what is too hot for them. */
export interface SqliteConnection {
  readonly db: Kysely<Schema>;
  readonly sqlite: Database;
}

/** The path of a `sqlite:` URL. */
export function sqlitePath(url: string): string {
  return resolve(url.slice('sqlite:'.length));
}

/** Opens the file to look something up, and for migrations. @see openDatabase */
export function openSqlite(path: string): SqliteConnection {
  const sqlite = openDatabase(path, 'reading');
  return { db: new Kysely<Schema>({ dialect: new Dialect({ database: sqlite }) }), sqlite };
}

/** SQLite can undo changes of the schema, and two programs may start at once: one transaction that writes from its start. */
class Dialect extends SqliteDialect {
  readonly #config: SqliteDialectConfig;

  constructor(config: SqliteDialectConfig) {
    super(config);
    this.#config = config;
  }

  override createDriver(): SqliteDriver {
    return new Driver(this.#config);
  }

  override createAdapter(): SqliteAdapter {
    return new Adapter();
  }
}

class Driver extends SqliteDriver {
  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin immediate'));
  }

  /** SQLite itself has ended the transaction at some failures, a full disk among them: what is told is the failure. */
  override async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await super.rollbackTransaction(connection).catch(() => undefined);
  }
}

class Adapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}
