import type { Connection } from './open-connection.js';
import type { ReconnectingConnection } from './reconnecting.js';

/** Works on a connection, anew on each that is made, until that is lost or it is over. */
export interface Tenant {
  /** Resolves when it needs no connection any more. */
  readonly over: Promise<void>;
  /** Never rejects. */
  run(connection: Connection): Promise<void>;
}

/** What connects: given what is to run on each new connection. */
export type Connect = (setUp: (connection: Connection) => Promise<void>) => ReconnectingConnection;

/**
 * Those who work on a connection that they share. It is made with the first of them, and whoever comes while there is
 * one begins at once: nobody is left without, whenever it comes and goes.
 */
export class Tenants<T extends Tenant> {
  readonly #connect: Connect;
  readonly #tenants = new Set<T>();
  #reconnecting: ReconnectingConnection | undefined;
  /** The latest, known from the moment that all who are here began to work on it. */
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

  /** Why there is no connection though there should be one. */
  get problem(): Error | undefined {
    const { connection, problem } = this.#reconnecting ?? {};
    return connection === undefined ? problem : undefined;
  }

  /** Has it work on this connection, and on each that follows, while it is not over. */
  add(tenant: T): void {
    this.#tenants.add(tenant);
    void tenant.over.then(() => this.#tenants.delete(tenant));
    if (this.#current !== undefined) void tenant.run(this.#current);
  }

  /**
   * Connects, where that was not begun; resolves when there was a connection.
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
