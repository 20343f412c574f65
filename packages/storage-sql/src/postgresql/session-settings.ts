import type { PostgresqlUrl } from './postgresql-url.js';

/** Where the database is, the PEM files for TLS, and by what name sessions are known there. */
export interface Location {
  readonly url: PostgresqlUrl;
  readonly tls: {
    readonly caFile?: string | undefined;
    readonly certFile?: string | undefined;
    readonly keyFile?: string | undefined;
  };
  /** `application_name`: of it PostgreSQL keeps 63 characters. */
  readonly name: string;
}

/** ms. */
export interface Limits {
  /** To connect and log in, and once more to make the session ready. */
  readonly connect: number;
  /** Of a statement, on the server and a moment later here; 0: none, as long as the server is at work on it. */
  readonly statement: number;
  /** Without an answer for so long, another connection asks what the server does; 0: never. */
  readonly silence: number;
  /** Without a word within a transaction, or with a lock beyond one: then the server ends the session. */
  readonly rest: number;
}

export const usualLimits: Limits = { connect: 10_000, statement: 30_000, silence: 8_000, rest: 30_000 };

export interface Session extends Limits {
  /** Settings of the server for this connection, as far as it takes them. */
  readonly settings?: Readonly<Record<string, string>>;
  /** When it is aborted, connections are cut, whatever they are at. */
  readonly signal?: AbortSignal;
}
