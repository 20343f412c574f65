import { readFile } from 'node:fs/promises';
import type { Duplex } from 'node:stream';
import type { ConnectionOptions } from 'node:tls';

import { PermanentError } from '@nephoscope/core';
import pg from 'pg';
import type { ClientConfig } from 'pg';

import type { Location } from './session-settings.js';
import type { PostgresqlUrl } from './postgresql-url.js';

/** Idle time before the first TCP keepalive, ms. */
const keepAliveDelay = 10_000;

/** Integers become bigint; all other values stay texts. */
const integers: readonly number[] = [pg.types.builtins.INT2, pg.types.builtins.INT4, pg.types.builtins.INT8];
const types = {
  getTypeParser(oid: number) {
    if (integers.includes(oid)) return BigInt;
    return oid === pg.types.builtins.BYTEA ? bytesOf : (value: unknown) => value;
  },
} as NonNullable<ClientConfig['types']>;

/** Of the text `\\x` and hexadecimal digits. */
function bytesOf(text: string): Buffer {
  return Buffer.from(text.slice(2), 'hex');
}

/**
 * A client of node-postgres that is not connected yet.
 *
 * @param limits ms
 * @throws STORE_TLS for a file that cannot be read
 */
export async function createClient(
  { url, tls, name }: Location,
  limits: { readonly connect: number; readonly statement?: number },
): Promise<pg.Client> {
  const client = new pg.Client({
    host: url.host,
    port: url.port,
    database: url.database,
    user: url.user,
    password: url.password?.reveal(),
    ssl: await tlsOptions(url, tls),
    types,
    connectionTimeoutMillis: limits.connect,
    ...(limits.statement !== undefined && { statement_timeout: limits.statement }),
    keepAlive: true,
    keepAliveInitialDelayMillis: keepAliveDelay,
    application_name: name,
  });
  guardParser(client);
  return client;
}

/**
 * The parser of node-postgres throws on unknown messages, in the socket's handler, where nothing catches it: a server
 * whose pg_hba.conf requires gss would end the program. Here it becomes an error of the connection.
 */
function guardParser({ connection }: pg.Client): void {
  const parsing = connection as typeof connection & { attachListeners(stream: Duplex): void };
  const attach = parsing.attachListeners.bind(parsing);
  parsing.attachListeners = (stream) => {
    const emit = stream.emit.bind(stream);
    stream.emit = (event: string, ...values: unknown[]) => {
      if (event !== 'data') return emit(event, ...values);
      try {
        return emit(event, ...values);
      } catch (error) {
        stream.destroy(error as Error);
        return true;
      }
    };
    attach(stream);
  };
}

async function tlsOptions(url: PostgresqlUrl, files: Location['tls']): Promise<false | ConnectionOptions> {
  if (url.sslMode === 'disable') return false;
  const read = async (file: string | undefined) => {
    if (file === undefined) return undefined;
    try {
      return await readFile(file);
    } catch (error) {
      throw new PermanentError('STORE_TLS', `cannot read ${file}, named in the store's TLS options`, {
        cause: error,
      });
    }
  };
  const [ca, cert, key] = await Promise.all([read(files.caFile), read(files.certFile), read(files.keyFile)]);
  return {
    // Set explicitly, because TLS does not know the host of a socket that is already connected.
    host: url.host,
    rejectUnauthorized: url.sslMode !== 'require',
    ...(url.sslMode === 'verify-ca' && { checkServerIdentity: () => undefined }),
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
  };
}
