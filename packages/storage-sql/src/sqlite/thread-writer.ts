import { Worker } from 'node:worker_threads';

import { NephoscopeError, describeError } from '@nephoscope/core';

import { buffersOf } from './row-batch.js';
import type { RowBatch } from './row-batch.js';
import type { Writer } from './row-writer.js';
import { fromFailure } from './thread-messages.js';
import type { Answer, Question, Request } from './thread-messages.js';

const threadUrl = new URL('./writer-thread.js', import.meta.url);
/** MiB. It is all that the batches of a thread pass through; a larger one only fills up before it is collected. */
const youngGeneration = 4;

interface Waiting {
  readonly resolve: (count: number) => void;
  readonly reject: (error: unknown) => void;
}

/** A {@link RowWriter} in a thread of its own, on a connection of its own: what it does holds up nobody here. */
export class ThreadWriter implements Writer {
  readonly #path: string;
  readonly #worker: Worker;
  #waiting: Waiting | undefined;
  #failure: unknown;
  #ended: NephoscopeError | undefined;

  /** @param url of the thread's program */
  constructor(path: string, url: URL = threadUrl) {
    this.#path = path;
    this.#worker = new Worker(url, {
      workerData: path,
      resourceLimits: { maxYoungGenerationSizeMb: youngGeneration },
    });
    // A program that does not stop its store can end nevertheless.
    this.#worker.unref();
    this.#worker.on('message', (answer: Answer) => this.#settle(answer));
    this.#worker.on('error', (error) => (this.#failure = error));
    this.#worker.on('exit', (code) => this.#end(code));
  }

  /** Whether the thread is no more: it takes nothing from then on. */
  get ended(): boolean {
    return this.#ended !== undefined;
  }

  async begin(): Promise<void> {
    await this.#ask({ kind: 'begin' });
  }

  write(batch: RowBatch): Promise<number> {
    return this.#ask({ kind: 'write', batch }, buffersOf(batch));
  }

  removeBefore(time: bigint, limit: number): Promise<number> {
    return this.#ask({ kind: 'removeBefore', time, limit });
  }

  /** Ends the thread, its connection closed. Nothing may be asked for meanwhile. */
  async end(): Promise<void> {
    if (this.ended) return;
    await new Promise((resolve) => {
      this.#worker.once('exit', resolve);
      this.#worker.ref();
      this.#worker.postMessage({ kind: 'end' } satisfies Request);
    });
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** @throws STORE_UNAVAILABLE when the thread ends before it answers, and what it threw */
  #ask(question: Question, buffers: ArrayBuffer[] = []): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) return reject(this.#ended);
      this.#waiting = { resolve, reject };
      this.#worker.ref();
      this.#worker.postMessage(question, buffers);
    });
  }

  #settle(answer: Answer): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    this.#worker.unref();
    if ('failure' in answer) waiting?.reject(fromFailure(answer.failure));
    else waiting?.resolve(answer.count);
  }

  #end(code: number): void {
    const cause = this.#failure;
    const reason = cause === undefined ? `exit code ${code}` : describeError(cause);
    this.#ended = new NephoscopeError(
      'STORE_UNAVAILABLE',
      `the thread that writes ${this.#path} has ended (${reason}): the next batch starts another one`,
      { cause },
    );
    this.#waiting?.reject(this.#ended);
    this.#waiting = undefined;
  }
}
