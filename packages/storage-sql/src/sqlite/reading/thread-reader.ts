import { Mutex, orAborted } from '@nephoscope/async';

import { DatabaseThread } from '../database-thread.js';
import type { Files } from '../files.js';
import type { ReaderQuestion, ReaderResult } from './reader-messages.js';

const threadUrl = new URL('./reader-thread.js', import.meta.url);
/** ms that an answer may take: one that counts all there is goes through the whole file. */
const usualTimeout = 300_000;

/** A connection to read a file, in a thread of its own. What is asked for waits for its turn. */
export class ThreadReader {
  readonly #thread: DatabaseThread<ReaderQuestion, ReaderResult>;
  readonly #turn = new Mutex();

  /**
   * @param url of the thread's program
   * @param timeout ms that an answer may take
   */
  constructor(path: string, url: URL = threadUrl, timeout = usualTimeout) {
    this.#thread = new DatabaseThread({ path, verb: 'reads', url, timeout });
  }

  /** Whether the thread is no more. */
  get ended(): boolean {
    return this.#thread.ended;
  }

  /** Opens the file that the path leads to now, unless it is open. @throws as {@link query} */
  async open(signal: AbortSignal): Promise<Files> {
    return (await this.#ask({ kind: 'open' }, signal)) as Files;
  }

  /**
   * @param files that are asked
   * @throws the signal's reason at once, SqliteError, FilesMoved when the path leads to others, STORE_UNAVAILABLE when the thread does
   *   not answer
   */
  async query(
    files: Files,
    text: string,
    parameters: readonly unknown[],
    signal: AbortSignal,
  ): Promise<readonly unknown[]> {
    const rows = await this.#ask({ kind: 'query', files, text, parameters }, signal);
    // What crosses from a thread is of the realm that threads are started in.
    return [...(rows as readonly unknown[])];
  }

  /** Nothing may be asked for meanwhile. What is under way and nobody waits for is ended. @see DatabaseThread.end */
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
