import { NephoscopeError } from '@nephoscope/core';

import { Connection } from './connection.js';
import type { Location, Session } from './session-settings.js';
import { pooled, sqlState } from './store-error.js';

/** SQLSTATE of what PgBouncer says to a transaction where it works by statements. */
const protocolViolation = '08P01';

/**
 * A pooler says another process id at the log-in than the server has. One that works by transactions gives two
 * connections the same process one after the other, or one of them two; one that works by statements takes no transaction.
 *
 * @param first a connection that has no transaction open
 * @throws STORE_REFUSED when there is one between that does not work by sessions
 * @throws STORE_UNAVAILABLE when it has no second connection for us
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

/** A pooler lets us in at once, and keeps what we ask waiting until it has a connection to the server. */
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
