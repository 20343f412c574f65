import type { Socket } from 'node:net';

import { NephoscopeError, PermanentError } from '@nephoscope/core';
import type pg from 'pg';
import type { QueryConfig, QueryResult, QueryResultRow } from 'pg';

import { createClient } from './client.js';
import type { Queryable } from './queryable.js';
import type { Location, Session } from './session-settings.js';
import { setSession } from './session.js';
import { watchSilence } from './silence-watch.js';
import type { SilenceWatch } from './silence-watch.js';
import { sqlState } from './store-error.js';

const oldestVersion = 150_000;

/** Time beyond its own limit in which the server must report the end of a statement, or close a connection, ms. */
const grace = 1_000;

/** A practically unlimited time, and the longest that PostgreSQL accepts, ms. */
const longest = 2 ** 31 - 1;

const noAnswer = 'no answer within';

/** SQLSTATEs of a server or pooler that refuses settings at the login. */
const refusedSettings = ['08P01', '0A000', '22023', '42704'];

/** SQLSTATEs of statements that were ended while they may have waited for a lock. */
const endedWaiting = ['55P03', '57014'];

/**
 * One authenticated connection. It is closed if the server is silent, because it is frozen or packets are lost:
 * `statement_timeout` is enforced by the server itself and does not help then, nor does TCP as long as something at
 * the other end acknowledges. Its queries end with it.
 */
export class Connection implements Queryable {
  readonly #client: pg.Client;
  readonly #location: Location;
  readonly #session: Session;
  #usable = true;
  /** Why it was lost; the server may have reported it while it was idle. */
  #lost: unknown;
  /** The process id of the server's backend, if known. */
  #backend: number | undefined;
  /** Ends the current query. */
  #abandon: (reason: unknown) => void = () => undefined;
  readonly #onAbort = () => this.cut(this.#session.signal?.reason);

  private constructor(client: pg.Client, location: Location, session: Session) {
    this.#client = client;
    this.#location = location;
    this.#session = session;
    const lost = (reason?: unknown) => {
      this.#usable = false;
      this.#lost ??= reason;
      session.signal?.removeEventListener('abort', this.#onAbort);
    };
    client.on('error', lost).on('end', () => lost());
  }

  /** @throws the coded errors of storeError() */
  static async open(location: Location, session: Session): Promise<Connection> {
    const { rest, settings, signal, statement } = session;
    signal?.throwIfAborted();
    const connection = await Connection.#logIn(location, session);
    const within = session.connect + grace;
    const late = setTimeout(
      () => connection.cut(connection.#unavailable(`${noAnswer} ${within / 1_000} s`)),
      within,
    );
    try {
      await connection.#check();
      const limits = { statement_timeout: `${statement}`, idle_in_transaction_session_timeout: `${rest}` };
      await setSession(connection, { ...limits, ...settings });
      return connection;
    } catch (error) {
      await connection.close();
      throw error;
    } finally {
      clearTimeout(late);
    }
  }

  static async #logIn(location: Location, session: Session, withLimit = true): Promise<Connection> {
    const { connect, signal, statement } = session;
    // Before any query, because the role's limit may be too short. The client takes 0 to mean the role's.
    const limit = statement === 0 ? longest : statement;
    const client = await createClient(location, { connect, ...(withLimit && { statement: limit }) });
    const connection = new Connection(client, location, session);
    signal?.addEventListener('abort', connection.#onAbort);
    try {
      await connection.#unlessCut(client.connect());
      return connection;
    } catch (error) {
      await connection.close();
      if (withLimit && refusedSettings.includes(sqlState(error) ?? ''))
        return await Connection.#logIn(location, session, false);
      throw error;
    }
  }

  /** The process id of the server's backend, as reported at the login; a pooler reports its own. */
  get process(): number | null {
    return (this.#client as pg.Client & { readonly processID: number | null }).processID;
  }

  /** False if it is lost and no longer usable. */
  get usable(): boolean {
    return this.#usable;
  }

  /**
   * @throws STORE_UNAVAILABLE if the server is silent, took too long or waited for a lock, the signal's reason, or
   *   the coded errors of storeError()
   */
  async query<Row extends QueryResultRow>(query: QueryConfig): Promise<QueryResult<Row>> {
    const { statement } = this.#session;
    const most = statement + grace;
    const late =
      statement === 0
        ? undefined
        : setTimeout(() => this.cut(this.#unavailable(`${noAnswer} ${most / 1_000} s`)), most);
    const watch = this.#watch();
    try {
      return await this.#unlessCut(this.#client.query<Row>(query));
    } catch (error) {
      const { holders } = watch;
      if (holders === undefined || !endedWaiting.includes(sqlState(error) ?? '')) throw error;
      throw new NephoscopeError(
        'STORE_UNAVAILABLE',
        `${this.#location.url.toString()}: timed out waiting for a lock held by ${holders}`,
        { cause: error },
      );
    } finally {
      clearTimeout(late);
      watch.end();
    }
  }

  /** Runs all queries of the work or none. @throws what the work throws, even if it cannot be rolled back */
  async transaction<T>(work: () => Promise<T>): Promise<T> {
    await this.query({ text: 'begin' });
    try {
      const result = await work();
      await this.query({ text: 'commit' });
      return result;
    } catch (error) {
      if (this.#usable) await this.query({ text: 'rollback' }).catch((failure: unknown) => this.cut(failure));
      throw error;
    }
  }

  /** Closes it in an orderly way, or by force if the server does not cooperate. */
  async close(): Promise<void> {
    this.#usable = false;
    let timer: NodeJS.Timeout | undefined;
    const over = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        this.cut(new Error('the connection was closed'));
        resolve();
      }, grace);
    });
    try {
      await Promise.race([this.#client.end(), over]);
    } finally {
      clearTimeout(timer);
      this.#session.signal?.removeEventListener('abort', this.#onAbort);
    }
  }

  /** Closes it at once, and its queries fail with this reason; the server notices by itself. */
  cut(reason: unknown): void {
    this.#usable = false;
    this.#lost ??= reason;
    this.#client.connection.stream.destroy();
    this.#abandon(this.#lost);
  }

  /** If the connection was lost meanwhile, the error is the reason for that. */
  async #unlessCut<T>(asked: Promise<T>): Promise<T> {
    const cut = new Promise<never>((_, reject) => {
      this.#abandon = reject;
    });
    try {
      return await Promise.race([asked, cut]);
    } catch (error) {
      throw this.#lost ?? error;
    }
  }

  #watch(): SilenceWatch {
    const { connect, silence } = this.#session;
    const watched = {
      process: () => {
        const process = this.#backend ?? this.process;
        // A pooler may have no connection left, and its ids are not the server's.
        return process === null || process !== this.process ? undefined : process;
      },
      received: () => (this.#client.connection.stream as Socket).bytesRead,
      name: this.#location.name,
      cut: (problem: string) => this.cut(this.#unavailable(problem)),
      other: () => Connection.#logIn(this.#location, { ...this.#session, statement: connect, silence: 0 }),
    };
    return watchSilence(watched, silence);
  }

  /** @throws STORE_INVALID for a server or database that cannot store samples */
  async #check(): Promise<void> {
    const { rows } = await this.query<{ process: bigint; version: bigint; name: string; encoding: string }>({
      text: `select pg_backend_pid() as process, current_setting('server_version_num')::int as version,
          current_setting('server_version') as name, current_setting('server_encoding') as encoding`,
    });
    const { process = 0n, version = 0n, name = 'of an unknown version', encoding = '' } = rows[0] ?? {};
    this.#backend = Number(process);
    if (version < oldestVersion) throw this.#invalid(`is PostgreSQL ${name}: version 15 or later is needed`);
    if (encoding !== 'UTF8')
      throw this.#invalid(
        `has the encoding ${encoding}, which does not hold every name: make one with "create database … encoding 'UTF8' template template0", and move what is in this one with pg_dump`,
      );
  }

  #invalid(what: string): NephoscopeError {
    return new PermanentError('STORE_INVALID', `${this.#location.url.toString()} ${what}`);
  }

  #unavailable(what: string): NephoscopeError {
    return new NephoscopeError(
      'STORE_UNAVAILABLE',
      `${this.#location.url.toString()}: ${what}: it hangs, is overloaded, or the network is cut`,
    );
  }
}
