import { Kysely, PostgresDialect, sql } from 'kysely';

import { migrate } from '../migrate.js';
import type { Schema } from '../schema.js';
import type { Limits, Location } from './session-settings.js';
import { ConnectionPool } from './connection-pool.js';
import { migrations } from './migrations.js';
import { locks } from './partitions.js';
import { refusePooler } from './pooler.js';

/** Creates or migrates the tables, one program after the other. Writes nothing if they are current. */
export async function prepareDatabase(location: Location, limits: Limits, signal: AbortSignal): Promise<void> {
  // Migrating large tables takes long; waiting for others must not.
  const settings = { idle_session_timeout: `${limits.rest}`, lock_timeout: `${limits.statement}` };
  const session = { ...limits, statement: 0, settings, signal };
  // One connection, which holds the lock.
  const pool = new ConnectionPool(location, session, 1);
  const db = new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) });
  try {
    await pool.use((connection) => refusePooler(connection, location, session));
    await sql`select pg_advisory_lock(${sql.lit(locks.migrate)})`.execute(db);
    await migrate(db, location.url.toString(), migrations, await tablesOf(db));
  } finally {
    await db.destroy();
  }
}

/** The tables of the schema, except those of extensions. */
export async function tablesOf(db: Kysely<Schema>): Promise<readonly string[]> {
  const { rows } = await sql<{ name: string }>`
    select relname as name from pg_class
    where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p', 'v', 'm', 'f')
      and not exists (select from pg_depend where objid = pg_class.oid and deptype = 'e')
    order by relname`.execute(db);
  return rows.map(({ name }) => name);
}
