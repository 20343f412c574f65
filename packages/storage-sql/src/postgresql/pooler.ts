import { NephoscopeError } from '@nephoscope/core';

import { Connection } from './connection.js';
import type { Location, Session } from './connection.js';
import { pooled } from './store-error.js';

/**
 * A pooler says another process id at the log-in than the server has. One that works by transactions gives two
 * connections the same process one after the other, or one of them two.
 *
 * @param first a connection that has no transaction open
 * @throws STORE_REFUSED when there is one between that works by transactions
 */
export async function refusePooler(first: Connection, location: Location, session: Session): Promise<void> {
  const process = await processOf(first);
  if (process === first.process) return;
  const second = await Connection.open(location, session);
  try {
    await second.transaction(async () => {
      if ((await processOf(second)) === process || (await processOf(first)) !== process) throw refused(location);
    });
  } finally {
    await second.close();
  }
}

async function processOf(connection: Connection): Promise<number> {
  const { rows } = await connection.query<{ pid: bigint }>({ text: 'select pg_backend_pid() as pid' });
  return Number(rows[0]?.pid);
}

function refused({ url }: Location): NephoscopeError {
  const [code, text] = pooled;
  return new NephoscopeError(code, `${url.toString()}: ${text}`);
}
