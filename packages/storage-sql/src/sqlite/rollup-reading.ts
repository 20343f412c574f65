import { Kysely } from 'kysely';

import type { Read } from '../reading/sample-pages.js';
import type { Schema } from '../schema.js';
import { dialectOver } from './reading/thread-dialect.js';
import { ThreadReader } from './reading/thread-reader.js';

/** Reads for the roller, in a thread of its own: recording does not wait for it. */
export class RollupReading {
  readonly #path: string;
  #thread: ThreadReader | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** @throws as {@link ThreadReader.query} */
  until(signal: AbortSignal): Read {
    return async (work) => {
      signal.throwIfAborted();
      if (this.#thread?.ended !== false) this.#thread = new ThreadReader(this.#path);
      const thread = this.#thread;
      const files = await thread.open(signal);
      const ask = (text: string, parameters: readonly unknown[]) => thread.query(files, text, parameters, signal);
      return await work(new Kysely<Schema>({ dialect: dialectOver(ask) }));
    };
  }

  async end(): Promise<void> {
    const thread = this.#thread;
    this.#thread = undefined;
    await thread?.end();
  }
}
