import type { Connection } from './open-connection.js';
import type { ReconnectingConnection } from './reconnecting.js';

/** Uses a connection, and starts again on each new one, until it is lost or the tenant is done. */
export interface Tenant {
  /** Resolves when it needs no connection any more. */
  readonly over: Promise<void>;
  /** Never rejects. */
  run(connection: Connection): Promise<void>;
}

/** Creates the reconnecting connection; receives what to run on each new one. */
export type Connect = (setUp: (connection: Connection) => Promise<void>) => ReconnectingConnection;

/**
 * The users of a shared connection. It is opened for the first of them; those that join later start at once if it is
 * open, or as soon as it is.
 */
export class Tenants<T extends Tenant> {
  readonly #connect: Connect;
  readonly #tenants = new Set<T>();
  #reconnecting: ReconnectingConnection | undefined;
  /** The latest connection, set once all current tenants have started on it. */
  #current: Connection | undefined;

  constructor(connect: Connect) {
    this.#connect = connect;
  }

  get isEmpty(): boolean {
    return this.#tenants.size === 0;
  }

  *[Symbol.iterator](): IterableIterator<T> {
    yield* this.#tenants;
  }

  /** Why there is no connection although one is needed. */
  get problem(): Error | undefined {
    const { connection, problem } = this.#reconnecting ?? {};
    return connection === undefined ? problem : undefined;
  }

  /** Runs it on this connection, and on each that follows, until it is over. */
  add(tenant: T): void {
    this.#tenants.add(tenant);
    void tenant.over.then(() => this.#tenants.delete(tenant));
    if (this.#current !== undefined) void tenant.run(this.#current);
  }

  /**
   * Connects unless that has begun; resolves at the first connection.
   *
   * @throws BUS_UNAVAILABLE when `signal` is aborted before
   */
  async connect(signal: AbortSignal): Promise<void> {
    if (this.#reconnecting !== undefined) return;
    this.#reconnecting = this.#connect((connection) => {
      this.#current = connection;
      for (const tenant of this.#tenants) void tenant.run(connection);
      return Promise.resolve();
    });
    await this.#reconnecting.start(signal);
  }

  async disconnect(): Promise<void> {
    await this.#reconnecting?.stop();
    this.#reconnecting = this.#current = undefined;
  }
}
