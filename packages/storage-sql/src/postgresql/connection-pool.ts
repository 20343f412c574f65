import type { PostgresPool, PostgresPoolClient } from 'kysely';

import { Connection } from './connection.js';
import type { Location, Session } from './session-settings.js';

/** Up to `size` connections, opened on demand; also usable by Kysely. */
export class ConnectionPool implements PostgresPool {
  readonly #location: Location;
  readonly #session: Session;
  readonly #size: number;
  readonly #idle: Connection[] = [];
  readonly #waiting: (() => void)[] = [];
  #taken = 0;

  constructor(location: Location, session: Session, size: number) {
    this.#location = location;
    this.#session = session;
    this.#size = size;
  }

  /** @throws what `work` throws or {@link Connection.open} */
  async use<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    const connection = await this.#take();
    try {
      return await work(connection);
    } finally {
      await this.#giveBack(connection);
    }
  }

  /** A pool whose queries end with the signal's reason when it is aborted, together with their connection. */
  until(signal: AbortSignal): PostgresPool {
    return { connect: () => this.connect(signal), end: () => Promise.resolve() };
  }

  async connect(signal?: AbortSignal): Promise<PostgresPoolClient> {
    const connection = await this.#take(signal);
    const ask = async (text: string, values: readonly unknown[]) => {
      signal?.throwIfAborted();
      const cut = () => connection.cut(signal?.reason);
      signal?.addEventListener('abort', cut);
      try {
        return await connection.query({ text, values: [...values] });
      } finally {
        signal?.removeEventListener('abort', cut);
      }
    };
    return {
      // The other of its two signatures is for cursors, which are not used.
      query: (async (text: string, values: readonly unknown[]) => {
        const answer = ask(text, values);
        // Kysely would report a failed rollback instead of its cause. The connection is closed anyway.
        if (text !== 'rollback') return await answer;
        return await answer.catch(async () => {
          await connection.close();
          return { command: 'ROLLBACK', rowCount: null, rows: [] };
        });
      }) as unknown as PostgresPoolClient['query'],
      release: () => void this.#giveBack(connection),
    };
  }

  /** Waits for connections in use, closes all, and opens no more. */
  async end(): Promise<void> {
    await Promise.all(Array.from({ length: this.#size }, () => this.#place()));
    await Promise.all(this.#idle.splice(0).map((connection) => connection.close()));
  }

  async #take(signal?: AbortSignal): Promise<Connection> {
    await this.#place(signal);
    try {
      signal?.throwIfAborted();
      let connection = this.#idle.pop();
      while (connection?.usable === false) connection = this.#idle.pop();
      return connection ?? (await Connection.open(this.#location, this.#session));
    } catch (error) {
      this.#leave();
      throw error;
    }
  }

  async #giveBack(connection: Connection): Promise<void> {
    if (connection.usable) this.#idle.push(connection);
    this.#leave();
    if (!connection.usable) await connection.close();
  }

  /** In the order of the requests. @throws the signal's reason if it is aborted first */
  async #place(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (this.#taken < this.#size) {
      this.#taken++;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const abort = () => {
        this.#waiting.splice(this.#waiting.indexOf(take), 1);
        reject(signal?.reason as Error);
      };
      const take = () => {
        signal?.removeEventListener('abort', abort);
        resolve();
      };
      this.#waiting.push(take);
      signal?.addEventListener('abort', abort);
    });
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#taken--;
    else next();
  }
}
