import { resolve } from 'node:path';

import { CompiledQuery, Kysely, SqliteAdapter, SqliteDialect, SqliteDriver } from 'kysely';
import type { DatabaseConnection, SqliteDialectConfig } from 'kysely';

import type { Schema } from '../schema.js';
import { openDatabase } from './database.js';
import type { Database } from './driver.js';

/** An open file: for typed queries, and for statements whose speed matters. */
export interface SqliteConnection {
  readonly db: Kysely<Schema>;
  readonly sqlite: Database;
}

/** The path of a `sqlite:` URL. */
export function sqlitePath(url: string): string {
  return resolve(url.slice('sqlite:'.length));
}

/** Opens the file for lookups and migrations. @see openDatabase */
export function openSqlite(path: string): SqliteConnection {
  const sqlite = openDatabase(path, 'reading');
  return { db: new Kysely<Schema>({ dialect: new Dialect({ database: sqlite }) }), sqlite };
}

/**
 * SQLite can roll back schema changes, and two programs may start at once, so migrations are one transaction that
 * locks from its start.
 */
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

  /** SQLite ends the transaction itself on some failures, such as a full disk; that failure is the one to report. */
  override async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await super.rollbackTransaction(connection).catch(() => undefined);
  }
}

class Adapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}
