import { SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from 'kysely';
import type { DatabaseConnection, Dialect, Kysely } from 'kysely';

/** Runs one statement and returns its rows. */
type Ask = (text: string, parameters: readonly unknown[]) => Promise<readonly unknown[]>;

/** Kysely's SQLite dialect for reading: another component runs the statements, without transactions. */
export function dialectOver(ask: Ask): Dialect {
  const connection: DatabaseConnection = {
    executeQuery: async <Row>({ sql, parameters }: { sql: string; parameters: readonly unknown[] }) => ({
      rows: (await ask(sql, parameters)) as Row[],
    }),
    streamQuery: () => refuse(),
  };
  const nothing = () => Promise.resolve();
  return {
    createAdapter: () => new SqliteAdapter(),
    createIntrospector: (db: Kysely<unknown>) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createDriver: () => ({
      init: nothing,
      acquireConnection: () => Promise.resolve(connection),
      beginTransaction: refuse,
      commitTransaction: refuse,
      rollbackTransaction: refuse,
      releaseConnection: nothing,
      destroy: nothing,
    }),
  };
}

function refuse(): never {
  throw new TypeError('what only reads has neither transactions nor cursors');
}
