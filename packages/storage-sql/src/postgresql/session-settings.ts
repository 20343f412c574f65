import type { PostgresqlUrl } from './postgresql-url.js';

/** The database's location, the PEM files for TLS, and the name of its sessions. */
export interface Location {
  readonly url: PostgresqlUrl;
  readonly tls: {
    readonly caFile?: string | undefined;
    readonly certFile?: string | undefined;
    readonly keyFile?: string | undefined;
  };
  /** `application_name`, of which PostgreSQL keeps 63 characters. */
  readonly name: string;
}

/** ms. */
export interface Limits {
  /** To connect and log in, and again to prepare the session. */
  readonly connect: number;
  /** For a statement, on the server and slightly later here; 0: unlimited while the server works on it. */
  readonly statement: number;
  /** Without an answer for this long, another connection queries what the server is doing; 0: never. */
  readonly silence: number;
  /** Idle time within a transaction, or with a lock beyond one, after which the server ends the session. */
  readonly rest: number;
}

export const usualLimits: Limits = { connect: 10_000, statement: 30_000, silence: 8_000, rest: 30_000 };

export interface Session extends Limits {
  /** Settings of the server for this connection, if it accepts them. */
  readonly settings?: Readonly<Record<string, string>>;
  /** When aborted, connections are closed, whatever they are doing. */
  readonly signal?: AbortSignal;
}
