import { NephoscopeError } from '@nephoscope/core';

import { Connection } from './connection.js';
import type { Location, Session } from './session-settings.js';
import { pooled, sqlState } from './store-error.js';

/** SQLSTATE with which PgBouncer refuses transactions in statement mode. */
const protocolViolation = '08P01';

/**
 * Refuses a pooler that is not in session mode. A pooler reports another process id at the login than the server has.
 * In transaction mode it gives two connections the same process in succession, or one connection two of them; in
 * statement mode it refuses transactions.
 *
 * @param first a connection without an open transaction
 * @throws STORE_REFUSED for a pooler that is not in session mode
 * @throws STORE_UNAVAILABLE if it has no second connection for us
 */
export async function refusePooler(first: Connection, location: Location, session: Session): Promise<void> {
  const process = await processOf(first);
  if (process === first.process) return;
  const second = await secondConnection(location, session);
  try {
    await second.transaction(async () => {
      if ((await processOf(second)) === process || (await processOf(first)) !== process) throw refused(location);
    });
  } catch (error) {
    throw sqlState(error) === protocolViolation ? refused(location, error) : error;
  } finally {
    await second.close();
  }
}

/** A pooler accepts a login at once, and delays queries until it has a connection to the server. */
async function secondConnection(location: Location, session: Session): Promise<Connection> {
  try {
    return await Connection.open(location, session);
  } catch (error) {
    session.signal?.throwIfAborted();
    throw new NephoscopeError(
      'STORE_UNAVAILABLE',
      `${location.url.toString()}: a connection pooler stands before the server, and gives no second connection: let it have six or more for this user and database (PgBouncer: pool_size)`,
      { cause: error },
    );
  }
}

async function processOf(connection: Connection): Promise<number> {
  const { rows } = await connection.query<{ pid: bigint }>({ text: 'select pg_backend_pid() as pid' });
  return Number(rows[0]?.pid);
}

function refused({ url }: Location, cause?: unknown): NephoscopeError {
  const [code, text] = pooled;
  return new NephoscopeError(code, `${url.toString()}: ${text}`, { cause });
}
