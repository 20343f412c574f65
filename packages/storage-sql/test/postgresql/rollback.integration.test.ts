import { setTimeout as delay } from 'node:timers/promises';

import { Kysely, PostgresDialect, sql } from 'kysely';

import { ConnectionPool } from '../../src/postgresql/connection-pool.js';
import { PostgresqlUrl } from '../../src/postgresql/postgresql-url.js';
import { dropDatabase, execute, limits, newDatabase } from './support.js';

let url: string;
let pool: ConnectionPool;
beforeAll(async () => {
  url = await newDatabase();
  const settings = { idle_in_transaction_session_timeout: '50ms' };
  pool = new ConnectionPool({ url: new PostgresqlUrl(url), tls: {}, name: 'test' }, { ...limits, settings }, 1);
});
afterAll(async () => {
  await pool.end();
  await dropDatabase(url);
});

/** Until the server has ended the session: 25P03, since it rests within a transaction. */
async function ended(process: number | null): Promise<void> {
  const there = () => execute(url, `select 1 from pg_stat_activity where pid = ${process}`);
  while ((await there()).length > 0) await delay(20);
}

describe('a transaction whose session the server has ended', () => {
  const cause = new Error('what it is rolled back for');

  it('tells what it is rolled back for, and the next one has another session', async () => {
    const work = pool.use((connection) =>
      connection.transaction(async () => {
        await ended(connection.process);
        throw cause;
      }),
    );
    await expect(work).rejects.toBe(cause);
    const { rows } = await pool.use((connection) => connection.query({ text: 'select 1::int8 as one' }));
    expect(rows).toEqual([{ one: 1n }]);
  });

  it('tells it where a query builder rolls it back, too', async () => {
    const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
    const work = db.transaction().execute(async (transaction) => {
      const { rows } = await sql<{ pid: bigint }>`select pg_backend_pid() as pid`.execute(transaction);
      await ended(Number(rows[0]?.pid));
      throw cause;
    });
    await expect(work).rejects.toBe(cause);
    const { rows } = await sql`select 1::int8 as one`.execute(db);
    expect(rows).toEqual([{ one: 1n }]);
  });
});
