import { pendingMigrations } from '../migrate.js';
import { runMigrations } from '../run-migrations.js';
import { openSqlite } from './connection.js';
import type { SqliteConnection } from './connection.js';
import { filesAt } from './files.js';
import type { Files } from './files.js';
import { migrateInProcess } from './migrate-in-process.js';
import { migrations } from './migrations.js';

/** A connection, and the files that it has open. */
export interface Opened extends SqliteConnection {
  readonly files: Files;
}

/**
 * Opens the file for lookups, with the tables of this version.
 *
 * @param onMigration receives the migrations that an older file needs
 * @param signal aborts them
 * @throws STORE_SCHEMA_NEWER, STORE_INVALID, SqliteError
 */
export async function openStore(
  path: string,
  onMigration: (names: readonly string[]) => void,
  signal: AbortSignal,
): Promise<Opened> {
  const connection = openSqlite(path);
  const { db, sqlite } = connection;
  try {
    const tables = (await db.introspection.getTables({ withInternalKyselyTables: true })).map(({ name }) => name);
    const pending = await pendingMigrations(db, path, migrations, tables);
    if (tables.length === 0) await runMigrations(db, migrations);
    else if (pending.length > 0) {
      onMigration(pending);
      await migrateInProcess(path, signal);
    }
    return { ...connection, files: filesAt(path) };
  } catch (error) {
    sqlite.close();
    throw error;
  }
}
