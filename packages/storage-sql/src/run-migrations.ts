import { Migrator } from 'kysely';
import type { Kysely, Migration } from 'kysely';

import type { Schema } from './schema.js';

/** Runs pending migrations in one transaction. @throws what the database throws */
export async function runMigrations(
  db: Kysely<Schema>,
  migrations: Readonly<Record<string, Migration>>,
): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: () => Promise.resolve({ ...migrations }) } });
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) throw error;
}
