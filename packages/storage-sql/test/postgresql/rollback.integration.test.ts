import { Kysely, PostgresDialect, sql } from 'kysely';

import { ConnectionPool } from '../../src/postgresql/connection-pool.js';
import { PostgresqlUrl } from '../../src/postgresql/postgresql-url.js';
import { dropDatabase, execute, limits, newDatabase } from './support.js';
import { waitUntil } from '../../../../tools/testbed/processes.js';

let url: string;
let pool: ConnectionPool;
beforeAll(async () => {
  url = await newDatabase();
  pool = new ConnectionPool({ url: new PostgresqlUrl(url), tls: {}, name: 'test' }, limits, 1);
});
afterAll(async () => {
  await pool.end();
  await dropDatabase(url);
});

/**
 * Ends the session of the open transaction with error 25P03, because it is idle from then on. The time-out is not set earlier,
 * because on a busy machine a session may be idle between any two statements.
 */
const endIt = `select pg_backend_pid() as pid, set_config('idle_in_transaction_session_timeout', '50ms', true)`;

/** Resolves when the server has ended the session. */
function ended(process: number | null): Promise<void> {
  const there = () => execute(url, `select 1 from pg_stat_activity where pid = ${process}`);
  return waitUntil(`session ${process} has ended`, async () => (await there()).length === 0);
}

describe('a transaction whose session the server has ended', () => {
  const cause = new Error('what it is rolled back for');

  it('fails with the cause of the rollback, and the next transaction uses another session', async () => {
    const work = pool.use((connection) =>
      connection.transaction(async () => {
        await connection.query({ text: endIt });
        await ended(connection.process);
        throw cause;
      }),
    );
    await expect(work).rejects.toBe(cause);
    const { rows } = await pool.use((connection) => connection.query({ text: 'select 1::int8 as one' }));
    expect(rows).toEqual([{ one: 1n }]);
  });

  it('fails with the cause as well if a query builder rolls it back', async () => {
    const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
    const work = db.transaction().execute(async (transaction) => {
      const { rows } = await sql<{ pid: bigint }>`${sql.raw(endIt)}`.execute(transaction);
      await ended(Number(rows[0]?.pid));
      throw cause;
    });
    await expect(work).rejects.toBe(cause);
    const { rows } = await sql`select 1::int8 as one`.execute(db);
    expect(rows).toEqual([{ one: 1n }]);
  });
});
