import { Worker } from 'node:worker_threads';

import { NephoscopeError, describeError } from '@nephoscope/core';

import { beginCall, forgetCall, newCall } from './calls.js';
import { buffersOf } from './row-batch.js';
import type { RowBatch } from './row-batch.js';
import type { Writer } from './row-writer.js';
import { fromFailure } from './thread-messages.js';
import type { Answer, Question, Request, ThreadData } from './thread-messages.js';

const threadUrl = new URL('./writer-thread.js', import.meta.url);
/** MiB. It is all that the batches of a thread pass through; a larger one only fills up before it is collected. */
const youngGeneration = 4;

/** ms. A disk that takes longer for a batch is taken for one that does not answer. */
const usualPatience = 60_000;

interface Waiting {
  readonly resolve: (count: number) => void;
  readonly reject: (error: unknown) => void;
  readonly timer: NodeJS.Timeout;
}

/** A {@link RowWriter} in a thread of its own, on a connection of its own: what it does holds up nobody here. */
export class ThreadWriter implements Writer {
  readonly #path: string;
  readonly #worker: Worker;
  readonly #call = newCall();
  readonly #patience: number;
  #waiting: Waiting | undefined;
  #failure: unknown;
  /** It was given up, and ends when what holds it up lets go. */
  #stuck: NephoscopeError | undefined;
  #ended: NephoscopeError | undefined;

  /**
   * @param url of the thread's program
   * @param patience ms that an answer may take
   */
  constructor(data: Omit<ThreadData, 'call'>, url: URL = threadUrl, patience = usualPatience) {
    this.#path = data.path;
    this.#patience = patience;
    this.#worker = new Worker(url, {
      workerData: { ...data, call: this.#call } satisfies ThreadData,
      resourceLimits: { maxYoungGenerationSizeMb: youngGeneration },
    });
    // A program that does not stop its store can end nevertheless.
    this.#worker.unref();
    this.#worker.on('message', (answer: Answer) => this.#settle(answer));
    this.#worker.on('error', (error) => (this.#failure = error));
    this.#worker.on('exit', (code) => this.#end(code));
  }

  /** Whether the thread is no more: it takes nothing from then on. Until then no other can write either. */
  get ended(): boolean {
    return this.#ended !== undefined;
  }

  begin(): Promise<number> {
    return this.#ask({ kind: 'begin' });
  }

  write(batch: RowBatch): Promise<number> {
    return this.#ask({ kind: 'write', batch }, buffersOf(batch));
  }

  removeBefore(time: bigint, since: bigint, limit: number, noted: bigint): Promise<number> {
    return this.#ask({ kind: 'removeBefore', time, since, limit, noted });
  }

  endPeriod(period: number): Promise<number> {
    return this.#ask({ kind: 'endPeriod', period });
  }

  removeShared(period: number): Promise<number> {
    return this.#ask({ kind: 'removeShared', period });
  }

  /**
   * Ends the thread, its connection closed. Nothing may be asked for meanwhile.
   *
   * @throws STORE_UNAVAILABLE when it is stuck, and what it threw
   */
  async end(): Promise<void> {
    if (this.ended) return;
    if (this.#stuck !== undefined) throw this.#stuck;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(this.#giveUp()), this.#patience);
      this.#worker.once('exit', () => {
        clearTimeout(timer);
        resolve();
      });
      this.#worker.ref();
      this.#post({ kind: 'end' });
    });
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** @throws STORE_UNAVAILABLE when the thread ends before it answers or does not answer in time, and what it threw */
  #ask(question: Question, buffers: ArrayBuffer[] = []): Promise<number> {
    return new Promise((resolve, reject) => {
      const gone = this.#ended ?? this.#stuck;
      if (gone !== undefined) return reject(gone);
      this.#waiting = { resolve, reject, timer: setTimeout(() => this.#giveUp(), this.#patience) };
      this.#worker.ref();
      this.#post(question, buffers);
    });
  }

  #post(request: Request, buffers: ArrayBuffer[] = []): void {
    beginCall(this.#call);
    this.#worker.postMessage(request, buffers);
  }

  #settle(answer: Answer): void {
    const waiting = this.#takeWaiting();
    this.#worker.unref();
    if ('failure' in answer) waiting?.reject(fromFailure(answer.failure));
    else waiting?.resolve(answer.count);
  }

  #giveUp(): NephoscopeError {
    this.#stuck = new NephoscopeError(
      'STORE_UNAVAILABLE',
      `the disk of ${this.#path} has not answered for ${this.#patience / 1_000} s: look for what holds it up; nothing is written until it lets go`,
    );
    this.#takeWaiting()?.reject(this.#stuck);
    this.#worker.unref();
    // As soon as it can: to terminate it within a call of the library would end the whole program.
    this.#post({ kind: 'end' });
    return this.#stuck;
  }

  #takeWaiting(): Waiting | undefined {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    clearTimeout(waiting?.timer);
    return waiting;
  }

  #end(code: number): void {
    forgetCall(this.#call);
    const cause = this.#failure;
    const reason = cause === undefined ? `exit code ${code}` : describeError(cause);
    this.#ended = new NephoscopeError(
      'STORE_UNAVAILABLE',
      `the thread that writes ${this.#path} has ended (${reason}): the next batch starts another one`,
      { cause },
    );
    this.#takeWaiting()?.reject(this.#ended);
  }
}
