import { Mutex, orAborted } from '@nephoscope/async';

import { DatabaseThread } from '../database-thread.js';
import type { Files } from '../files.js';
import { rowsOf } from '../table.js';
import type { Table } from '../table.js';
import type { ReaderQuestion, ReaderResult } from './reader-messages.js';

const threadUrl = new URL('./reader-thread.js', import.meta.url);
/** ms for an answer: a query that counts all rows reads the whole file. */
const usualTimeout = 300_000;

/** A connection for reading a file, in a separate thread. Queries wait for their turn. */
export class ThreadReader {
  readonly #thread: DatabaseThread<ReaderQuestion, ReaderResult>;
  readonly #turn = new Mutex();

  /**
   * @param url of the thread's program
   * @param timeout ms for an answer
   */
  constructor(path: string, url: URL = threadUrl, timeout = usualTimeout) {
    this.#thread = new DatabaseThread({ path, verb: 'reads', url, timeout });
  }

  /** Whether the thread has ended. */
  get ended(): boolean {
    return this.#thread.ended;
  }

  /** Opens the file that is at the path now, unless it is open. @throws as {@link query} */
  async open(signal: AbortSignal): Promise<Files> {
    return (await this.#ask({ kind: 'open' }, signal)) as Files;
  }

  /**
   * @param files to query
   * @throws the signal's reason at once, SqliteError, FilesMoved if other files are at the path, STORE_UNAVAILABLE if the thread does
   *   not answer
   */
  async query(
    files: Files,
    text: string,
    parameters: readonly unknown[],
    signal: AbortSignal,
  ): Promise<readonly unknown[]> {
    return rowsOf((await this.#ask({ kind: 'query', files, text, parameters }, signal)) as Table);
  }

  /** No query may be sent meanwhile. Queries that nobody waits for are cancelled. @see DatabaseThread.end */
  async end(): Promise<void> {
    await this.#turn.run(() => this.#thread.end());
  }

  #ask(question: ReaderQuestion, signal: AbortSignal): Promise<ReaderResult> {
    const answer = this.#turn.run(async () => {
      signal.throwIfAborted();
      const breakOff = () => this.#thread.breakOff();
      signal.addEventListener('abort', breakOff, { once: true });
      try {
        return await this.#thread.ask(question);
      } finally {
        signal.removeEventListener('abort', breakOff);
      }
    });
    return orAborted(answer, signal);
  }
}
