import { sql } from 'kysely';
import type { Kysely, Migration } from 'kysely';

import { noPeriod, periodOf } from '../periods.js';
import { chunkOf } from './chunk.js';

/** In the order of their numbers; a published one is never changed. */
export const migrations: Readonly<Record<string, Migration>> = {
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
        .addColumn('publisher_id', 'text')
        .addColumn('layout', 'text', (column) => column.notNull())
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
        .createTable('samples')
        .addColumn('id', 'integer', (column) => column.primaryKey())
        .addColumn('key', 'blob', (column) => column.notNull().unique())
        .addColumn('message_id', 'text')
        .addColumn('series_id', 'integer', (column) => column.notNull())
        .addColumn('timestamp', 'integer', (column) => column.notNull())
        .addColumn('volume', 'text', (column) => column.notNull())
        .addColumn('sequence', 'integer')
        .addColumn('metadata_id', 'integer')
        .addColumn('signature', 'blob')
        .addColumn('variations', 'text')
        .modifyEnd(sql`strict`)
        .execute();
      // Only three indexes on the large table, because each slows down every insert. With one by series alone, each
      // row would change a different page as soon as there are many series.
      await sql`
        create index samples_by_series on samples (${chunkOf(sql`id`)}, series_id, timestamp)`.execute(db);
      await db.schema.createIndex('samples_by_time').on('samples').columns(['timestamp', 'series_id']).execute();
      await sql`
        create view chunks as
        with recursive numbered(number) as materialized (
          select ${chunkOf(sql`min(id)`)} from samples
          union all
          select number + 1 from numbered where number < (select ${chunkOf(sql`max(id)`)} from samples)
        )
        select number from numbered`.execute(db);
    },
  },
  '0002_metadata_once': {
    async up(db: Kysely<unknown>) {
      // Older texts have none: each that is still used is stored once more, and then never again.
      await sql`alter table metadata add column hash blob`.execute(db);
      await sql`create unique index metadata_by_hash on metadata (hash) where hash is not null`.execute(db);
    },
  },
  '0003_lifetimes': {
    async up(db: Kysely<unknown>) {
      const { rows } = await sql<{ last: bigint | null }>`select max(timestamp) as last from samples`.execute(db);
      // The last period of existing samples, because any row may belong to the last sample.
      const until = sql.lit(periodOf(rows[0]?.last ?? 0n));
      for (const table of ['series', 'metadata'])
        await sql`alter table ${sql.table(table)} add column until integer not null default ${until}`.execute(db);
      await sql`create table retention (ended integer not null, swept integer not null) strict`.execute(db);
      await sql`insert into retention values (${sql.lit(noPeriod)}, ${sql.lit(noPeriod)})`.execute(db);
    },
  },
  '0004_removed': {
    async up(db: Kysely<unknown>) {
      await sql`alter table retention add column removed integer`.execute(db);
    },
  },
  '0005_series_of_projects': {
    async up(db: Kysely<unknown>) {
      await sql`create index series_by_project on series (project_id, resource_id, counter_name)`.execute(db);
    },
  },
  '0006_rollups': {
    async up(db: Kysely<unknown>) {
      await sql`alter table retention add column marked integer`.execute(db);
      await sql`create table rollup_state (turn integer not null, rolled integer) strict`.execute(db);
      await sql`insert into rollup_state values (0, null)`.execute(db);
      await sql`
        create table rollup_series (id text primary key, resource_id text not null, counter_name text not null,
          source text not null, type text not null, unit text) strict, without rowid`.execute(db);
      await sql`create index rollup_series_by_resource on rollup_series (resource_id, counter_name)`.execute(db);
      await sql`
        create table rollup_owners (series text not null, id text not null, project_id text, user_id text,
          primary key (series, id)) strict, without rowid`.execute(db);
      await sql`create index rollup_owners_by_project on rollup_owners (project_id, series)`.execute(db);
      await sql`
        create table rollups (series text not null, day integer not null, hours blob not null, whole blob not null,
          primary key (series, day)) strict, without rowid`.execute(db);
      await sql`
        create table rollup_marks (id integer primary key, series_id integer not null,
          hour integer not null) strict`.execute(db);
      await sql`create index rollup_marks_by_hour on rollup_marks (hour)`.execute(db);
    },
  },
};
