import { NephoscopeError } from '@nephoscope/core';
import { Migrator, sql } from 'kysely';
import type { Kysely, Migration } from 'kysely';

import type { Schema } from './schema.js';

/** In the order of their numbers; a published one is never changed. */
const migrations: Readonly<Record<string, Migration>> = {
  '0001_samples': {
    async up(db: Kysely<unknown>) {
      await db.schema
        .createTable('series')
        .addColumn('id', 'integer', (column) => column.primaryKey())
        .addColumn('source', 'text', (column) => column.notNull())
        .addColumn('counter_name', 'text', (column) => column.notNull())
        .addColumn('type', 'text', (column) => column.notNull())
        .addColumn('unit', 'text')
        .addColumn('user_id', 'text')
        .addColumn('project_id', 'text')
        .addColumn('resource_id', 'text', (column) => column.notNull())
        .addColumn('epoch', 'text')
        .modifyEnd(sql`strict`)
        .execute();
      await db.schema
        .createIndex('series_by_resource')
        .on('series')
        .columns(['resource_id', 'counter_name'])
        .execute();
      await db.schema
        .createTable('metadata')
        .addColumn('id', 'integer', (column) => column.primaryKey())
        .addColumn('text', 'text', (column) => column.notNull())
        .modifyEnd(sql`strict`)
        .execute();
      await db.schema
        .createTable('publishers')
        .addColumn('id', 'integer', (column) => column.primaryKey())
        .addColumn('text', 'text', (column) => column.notNull().unique())
        .modifyEnd(sql`strict`)
        .execute();
      await db.schema
        .createTable('samples')
        .addColumn('id', 'integer', (column) => column.primaryKey())
        .addColumn('message_id', 'text', (column) => column.notNull().unique())
        .addColumn('series_id', 'integer', (column) => column.notNull())
        .addColumn('timestamp', 'integer', (column) => column.notNull())
        .addColumn('volume', 'text', (column) => column.notNull())
        .addColumn('publisher_id', 'integer')
        .addColumn('sequence', 'integer')
        .addColumn('head', 'text', (column) => column.notNull())
        .addColumn('metadata_id', 'integer')
        .addColumn('tail', 'text', (column) => column.notNull())
        .modifyEnd(sql`strict`)
        .execute();
      // Four indexes on the large table and no more: each costs every insert.
      await db.schema.createIndex('samples_by_series').on('samples').columns(['series_id', 'timestamp']).execute();
      await db.schema.createIndex('samples_by_time').on('samples').columns(['timestamp', 'series_id']).execute();
      await db.schema
        .createIndex('samples_by_sequence')
        .on('samples')
        .columns(['publisher_id', 'sequence'])
        .where(sql.ref('publisher_id'), 'is not', null)
        .execute();
    },
  },
};

const names = Object.keys(migrations);
const bookkeeping = 'kysely_migration';

/**
 * Brings an empty or older database to the schema of this program, in one transaction; writes nothing when
 * it is there already.
 *
 * @throws STORE_SCHEMA_NEWER, STORE_INVALID when the tables are another program's
 */
export async function migrate(db: Kysely<Schema>, place: string): Promise<void> {
  const tables = (await db.introspection.getTables({ withInternalKyselyTables: true })).map((table) => table.name);
  const executed = tables.includes(bookkeeping) ? await executedMigrations(db) : [];
  const newer = executed.filter((name) => !names.includes(name));
  if (newer.length > 0) {
    throw new NephoscopeError(
      'STORE_SCHEMA_NEWER',
      `${place} was written by a newer version of @nephoscope/storage-sql (${newer.join(', ')}): ` +
        'update this program, or give it another database',
    );
  }
  if (executed.length === names.length) return;
  if (executed.length === 0 && tables.some((name) => !name.startsWith('kysely_'))) {
    throw new NephoscopeError(
      'STORE_INVALID',
      `${place} holds the tables of another program (${tables.join(', ')}): give a database of its own in the option 'url'`,
    );
  }
  const migrator = new Migrator({ db, provider: { getMigrations: () => Promise.resolve({ ...migrations }) } });
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) throw error;
}

async function executedMigrations(db: Kysely<Schema>): Promise<readonly string[]> {
  const { rows } = await sql<{ name: string }>`select name from ${sql.table(bookkeeping)} order by name`.execute(
    db,
  );
  return rows.map((row) => row.name);
}
