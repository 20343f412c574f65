import { readFile } from 'node:fs/promises';
import type { ConnectionOptions } from 'node:tls';

import { NephoscopeError } from '@nephoscope/core';
import pg from 'pg';
import type { ClientConfig, QueryConfig, QueryResult, QueryResultRow } from 'pg';

import type { PostgresqlUrl } from './postgresql-url.js';

/** Where the database is, and the PEM files for TLS. */
export interface Location {
  readonly url: PostgresqlUrl;
  readonly tls: {
    readonly caFile?: string | undefined;
    readonly certFile?: string | undefined;
    readonly keyFile?: string | undefined;
  };
}

/** ms. */
export interface Limits {
  /** To connect and log in. */
  readonly connect: number;
  /** Of a statement, on the server and a moment later here. */
  readonly statement: number;
}

export interface Session extends Limits {
  /** Settings of the server for this connection. */
  readonly settings?: Readonly<Record<string, string>>;
}

const oldestVersion = 150_000;

/** The time beyond its own limit that the server has to say that it ended a statement, and to close a connection, ms. */
const grace = 1_000;

/** Integers are bigint; all else stays as PostgreSQL writes it. */
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
 * One connection, logged in. It is cut when the server does not answer in time, as a frozen one does not:
 * `statement_timeout` is the server's own and does not help then, nor does TCP as long as the kernel at the other end
 * acknowledges.
 */
export class Connection {
  readonly #client: pg.Client;
  readonly #url: PostgresqlUrl;
  readonly #limit: number;
  #usable = true;

  private constructor(client: pg.Client, url: PostgresqlUrl, limit: number) {
    this.#client = client;
    this.#url = url;
    this.#limit = limit;
    const lost = () => void (this.#usable = false);
    client.on('error', lost).on('end', lost);
  }

  /** @throws what storeError() makes coded errors of */
  static async open({ url, tls }: Location, session: Session): Promise<Connection> {
    const client = new pg.Client({
      host: url.host,
      port: url.port,
      database: url.database,
      user: url.user,
      password: url.password?.reveal(),
      ssl: await tlsOptions(url, tls),
      types,
      connectionTimeoutMillis: session.connect,
      statement_timeout: session.statement,
      options: Object.entries(session.settings ?? {})
        .map(([name, value]) => `-c ${name}=${value}`)
        .join(' '),
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
      application_name: 'nephoscope',
    });
    const connection = new Connection(client, url, session.statement + grace);
    await client.connect();
    try {
      await connection.#setUp();
      return connection;
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  /** False when it is lost: it is of no more use. */
  get usable(): boolean {
    return this.#usable;
  }

  /** @throws STORE_UNAVAILABLE when it took too long, or what storeError() makes coded errors of */
  async query<Row extends QueryResultRow>(query: QueryConfig): Promise<QueryResult<Row>> {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.#cut();
    }, this.#limit);
    try {
      return await this.#client.query<Row>(query);
    } catch (error) {
      if (!late) throw error;
      throw new NephoscopeError(
        'STORE_UNAVAILABLE',
        `${this.#url.toString()}: no answer within ${this.#limit / 1_000} s: the server hangs, is overloaded, or the network is cut`,
        { cause: error },
      );
    } finally {
      clearTimeout(timer);
    }
  }

  /** In order, or by force when the server does not go along. */
  async close(): Promise<void> {
    this.#usable = false;
    const timer = setTimeout(() => this.#cut(), grace);
    try {
      await this.#client.end();
    } finally {
      clearTimeout(timer);
    }
  }

  #cut(): void {
    this.#usable = false;
    this.#client.connection.stream.destroy();
  }

  /** A commit is on disk when it returns, also where the server's default is to tell so before. */
  async #setUp(): Promise<void> {
    const { rows } = await this.query<{ version: bigint; name: string }>({
      text: `select current_setting('server_version_num')::int as version, current_setting('server_version') as name,
          case current_setting('synchronous_commit') when 'off' then set_config('synchronous_commit', 'on', false) end`,
    });
    const [server] = rows;
    if (server !== undefined && server.version >= oldestVersion) return;
    throw new NephoscopeError(
      'STORE_INVALID',
      `${this.#url.toString()} is PostgreSQL ${server?.name ?? 'of an unknown version'}: version 15 or later is needed`,
    );
  }
}

async function tlsOptions(url: PostgresqlUrl, files: Location['tls']): Promise<false | ConnectionOptions> {
  if (url.sslMode === 'disable') return false;
  const read = async (file: string | undefined) => {
    if (file === undefined) return undefined;
    try {
      return await readFile(file);
    } catch (error) {
      throw new NephoscopeError('STORE_TLS', `cannot read ${file}, named in the store's TLS options`, {
        cause: error,
      });
    }
  };
  const [ca, cert, key] = await Promise.all([read(files.caFile), read(files.certFile), read(files.keyFile)]);
  return {
    // Not left to TLS: with a socket that is connected already it knows no host.
    host: url.host,
    rejectUnauthorized: url.sslMode !== 'require',
    ...(url.sslMode === 'verify-ca' && { checkServerIdentity: () => undefined }),
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
  };
}
