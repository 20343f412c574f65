import { PermanentError } from '@nephoscope/core';
import { sql } from 'kysely';
import type { Kysely, Migration } from 'kysely';

import { runMigrations } from './run-migrations.js';
import type { Schema } from './schema.js';

const bookkeeping = 'kysely_migration';

/**
 * Migrates an empty or older database to the schema of this program, in one transaction; writes nothing if it is
 * current. Concurrent migrations are excluded by the caller or by SQLite's lock.
 *
 * @param migrations in the order of their numbers
 * @param tables that exist now
 * @throws STORE_SCHEMA_NEWER; STORE_INVALID if the tables belong to another program
 */
export async function migrate(
  db: Kysely<Schema>,
  place: string,
  migrations: Readonly<Record<string, Migration>>,
  tables: readonly string[],
): Promise<void> {
  const pending = await pendingMigrations(db, place, migrations, tables);
  if (pending.length > 0) await runMigrations(db, migrations);
}

/**
 * The migrations that {@link migrate} would run.
 *
 * @throws like that
 */
export async function pendingMigrations(
  db: Kysely<Schema>,
  place: string,
  migrations: Readonly<Record<string, Migration>>,
  tables: readonly string[],
): Promise<readonly string[]> {
  const names = Object.keys(migrations);
  const executed = tables.includes(bookkeeping) ? await executedMigrations(db) : [];
  const newer = executed.filter((name) => !names.includes(name));
  if (newer.length > 0) {
    throw new PermanentError(
      'STORE_SCHEMA_NEWER',
      `${place} was written by a newer version of @nephoscope/storage-sql (${newer.join(', ')}): ` +
        'update this program, or give it another database',
    );
  }
  if (executed.length === 0 && tables.some((name) => !name.startsWith('kysely_'))) {
    throw new PermanentError(
      'STORE_INVALID',
      `${place} holds the tables of another program (${tables.join(', ')}): give a database of its own`,
    );
  }
  return names.filter((name) => !executed.includes(name));
}

/**
 * For readers, which create and change nothing.
 *
 * @throws STORE_MISSING without tables, STORE_SCHEMA_OLDER if a migration is pending
 */
export function checkExisting(place: string, tables: readonly string[], pending: readonly string[]): void {
  if (tables.length === 0) throw storeMissing(place);
  if (pending.length > 0)
    throw new PermanentError(
      'STORE_SCHEMA_OLDER',
      `${place} was written by an older version of @nephoscope/storage-sql: a collector of this version updates it when it starts`,
    );
}

export const storeMissing = (place: string) =>
  new PermanentError(
    'STORE_MISSING',
    `there is no database ${place}: nothing was recorded there yet, or it is another one`,
  );

async function executedMigrations(db: Kysely<Schema>): Promise<readonly string[]> {
  const { rows } = await sql<{ name: string }>`select name from ${sql.table(bookkeeping)} order by name`.execute(
    db,
  );
  return rows.map((row) => row.name);
}
