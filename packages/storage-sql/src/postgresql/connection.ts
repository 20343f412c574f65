import { readFile } from 'node:fs/promises';
import type { Duplex } from 'node:stream';
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

/** What is written and read here relies on these, whatever the server, the database or the role says. */
const reliedOn: Readonly<Record<string, string>> = {
  bytea_output: 'hex',
  datestyle: 'ISO',
  intervalstyle: 'postgres',
  timezone: 'UTC',
  extra_float_digits: '1',
  standard_conforming_strings: 'on',
  default_transaction_isolation: 'read committed',
  // Compiling takes longer than any statement here, of which the planner expects much as it sees no statistics yet.
  jit: 'off',
  // A statement has its limit, and waits for locks within it.
  lock_timeout: '0',
  transaction_timeout: '0',
  // Connections rest between batches, and never within a transaction, unless this program or its host is dead.
  idle_session_timeout: '0',
  idle_in_transaction_session_timeout: '60s',
};

/**
 * The schema in which our tables are: of those in the search path the first, else the only other one in which this user
 * owns them, so that a path that was changed leads to no second, empty store. Before they are made it is the current
 * one.
 */
const ourSchema = `coalesce((
  with ours as (
    select nspname as name, array_position(current_schemas(false), nspname) as at from pg_namespace
    where (
      select count(*) from pg_class
      where relnamespace = pg_namespace.oid and relkind in ('r', 'p') and pg_has_role(relowner, 'usage')
        and relname in ('kysely_migration', 'message_ids', 'series', 'metadata', 'samples')
    ) = 5
  )
  select name from ours where at is not null or (select count(*) from ours) = 1 order by at limit 1
), current_schema())`;

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
  /** What it was lost by: the server may have said it while nothing was asked. */
  #lost: unknown;

  private constructor(client: pg.Client, url: PostgresqlUrl, limit: number) {
    this.#client = client;
    this.#url = url;
    this.#limit = limit;
    const lost = (reason?: unknown) => {
      this.#usable = false;
      this.#lost ??= reason;
    };
    client.on('error', lost).on('end', () => lost());
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
      // Before anything is asked: what the role says may be too short for that.
      statement_timeout: session.statement,
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
      application_name: 'nephoscope',
    });
    guardParser(client);
    const connection = new Connection(client, url, session.statement + grace);
    try {
      await client.connect();
      await connection.#check();
      await connection.#set({ ...reliedOn, ...session.settings });
      return connection;
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  /** The id of the server's process, as it was told at the log-in. */
  get process(): number | null {
    return (this.#client as pg.Client & { readonly processID: number | null }).processID;
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
      // That it is lost is all that is said of a query then.
      if (!late) throw this.#lost ?? error;
      throw new NephoscopeError(
        'STORE_UNAVAILABLE',
        `${this.#url.toString()}: no answer within ${this.#limit / 1_000} s: the server hangs, is overloaded, or the network is cut`,
        { cause: error },
      );
    } finally {
      clearTimeout(timer);
    }
  }

  /** All of the work's queries or nothing of them. @throws what the work throws, also when it cannot be rolled back */
  async transaction<T>(work: () => Promise<T>): Promise<T> {
    await this.query({ text: 'begin' });
    try {
      const result = await work();
      await this.query({ text: 'commit' });
      return result;
    } catch (error) {
      if (this.#usable) await this.query({ text: 'rollback' }).catch(() => this.#cut());
      throw error;
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

  /** @throws STORE_INVALID for a server or a database that cannot hold what we record */
  async #check(): Promise<void> {
    const { rows } = await this.query<{ version: bigint; name: string; encoding: string }>({
      text: `select current_setting('server_version_num')::int as version, current_setting('server_version') as name,
          current_setting('server_encoding') as encoding`,
    });
    const { version = 0n, name = 'of an unknown version', encoding = '' } = rows[0] ?? {};
    if (version < oldestVersion) throw this.#invalid(`is PostgreSQL ${name}: version 15 or later is needed`);
    if (encoding !== 'UTF8')
      throw this.#invalid(
        `has the encoding ${encoding}, which does not hold every name: make one with "create database … encoding 'UTF8' template template0", and move what is in this one with pg_dump`,
      );
  }

  /** Of these settings those that this version of PostgreSQL knows. */
  async #set(settings: Readonly<Record<string, string>>): Promise<void> {
    await this.query({
      text: `select set_config(given.name, given.value, false)
        from unnest($1::text[], $2::text[]) as given (name, value) join pg_settings on lower(pg_settings.name) = given.name`,
      values: [Object.keys(settings), Object.values(settings)],
    });
    await this.query({
      // Less than on would tell of a commit before it is on disk, which we acknowledge then.
      text: `select case current_setting('synchronous_commit') when 'off' then set_config('synchronous_commit', 'on', false) end,
        set_config('search_path', quote_ident(${ourSchema}), false)`,
    });
  }

  #invalid(what: string): NephoscopeError {
    return new NephoscopeError('STORE_INVALID', `${this.#url.toString()} ${what}`);
  }
}

/**
 * The parser of node-postgres throws at what it does not know, in the handler of the socket, where nobody catches: a server
 * whose pg_hba.conf asks for gss would end the program. It is an error of the connection.
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
