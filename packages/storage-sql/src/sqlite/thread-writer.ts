import type { RollupStatement } from '../rollups/statements.js';
import { DatabaseThread } from './database-thread.js';
import { buffersOf } from './row-batch.js';
import type { RowBatch } from './row-batch.js';
import type { Writer } from './row-writer.js';
import type { Question, ThreadData } from './thread-messages.js';

const threadUrl = new URL('./writer-thread.js', import.meta.url);
/** MiB. Batches of a thread only pass through it; a larger one only fills up before it is collected. */
const youngGeneration = 4;

/** ms. A disk that takes longer for a batch is considered hanging. */
const usualTimeout = 60_000;

/** A {@link RowWriter} in a separate thread with its own connection. */
export class ThreadWriter implements Writer {
  readonly #thread: DatabaseThread<Question, number>;

  /**
   * @param url of the thread's program
   * @param timeout time limit for an answer, ms
   */
  constructor({ path, files }: Omit<ThreadData, 'call'>, url: URL = threadUrl, timeout = usualTimeout) {
    this.#thread = new DatabaseThread({ path, verb: 'writes', url, data: { files }, timeout, youngGeneration });
  }

  /** Whether the thread has ended; it accepts nothing more. Until then no other can write either. */
  get ended(): boolean {
    return this.#thread.ended;
  }

  begin(): Promise<number> {
    return this.#thread.ask({ kind: 'begin' });
  }

  write(batch: RowBatch): Promise<number> {
    return this.#thread.ask({ kind: 'write', batch }, buffersOf(batch));
  }

  removeBefore(time: bigint, since: bigint, limit: number, noted: bigint): Promise<number> {
    return this.#thread.ask({ kind: 'removeBefore', time, since, limit, noted });
  }

  writeRollups(statements: readonly RollupStatement[]): Promise<number> {
    return this.#thread.ask({ kind: 'writeRollups', statements });
  }

  endPeriod(period: number): Promise<number> {
    return this.#thread.ask({ kind: 'endPeriod', period });
  }

  removeShared(period: number): Promise<number> {
    return this.#thread.ask({ kind: 'removeShared', period });
  }

  /** @see DatabaseThread.end */
  async end(): Promise<void> {
    await this.#thread.end();
  }
}
