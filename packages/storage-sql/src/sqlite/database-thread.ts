import { Worker } from 'node:worker_threads';

import { NephoscopeError, describeError } from '@nephoscope/core';

import { beginCall, breakOff, forgetCall, newCall } from './calls.js';
import { fromFailure } from './thread-messages.js';
import type { Answer } from './thread-messages.js';

/** The purpose of a thread. */
export interface ThreadUse {
  readonly path: string;
  /** What it does with the file, for error texts. */
  readonly verb: 'reads' | 'writes';
  /** The thread's program. */
  readonly url: URL;
  /** Passed to the program, together with its `newCall` as `call`. */
  readonly data?: object;
  /** Time limit for an answer, ms. */
  readonly timeout: number;
  /** MiB. */
  readonly youngGeneration?: number;
}

interface Waiting<Result> {
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
  readonly timer: NodeJS.Timeout;
}

/**
 * A thread with a connection to a file that answers one question at a time, so that its work blocks nothing in the
 * main thread.
 */
export class DatabaseThread<Question extends object, Result> {
  readonly #use: ThreadUse;
  readonly #worker: Worker;
  readonly #call = newCall();
  #waiting: Waiting<Result> | undefined;
  #failure: unknown;
  /** Set after a timeout; the thread ends when the blocking call returns. */
  #stuck: NephoscopeError | undefined;
  #ended: NephoscopeError | undefined;

  constructor(use: ThreadUse) {
    this.#use = use;
    const { path, url, data, youngGeneration } = use;
    this.#worker = new Worker(url, {
      workerData: { ...data, path, call: this.#call },
      ...(youngGeneration !== undefined && { resourceLimits: { maxYoungGenerationSizeMb: youngGeneration } }),
    });
    this.#worker.on('message', (answer: Answer<Result>) => this.#settle(answer));
    this.#worker.on('error', (error) => (this.#failure = error));
    this.#worker.on('exit', (code) => this.#end(code));
    // So that a program that does not stop its store can end. After adding the listeners, because one for messages
    // keeps the process alive again.
    this.#worker.unref();
  }

  /**
   * Whether the thread has ended; it accepts no more questions. Until a writing thread has ended, no other can write.
   */
  get ended(): boolean {
    return this.#ended !== undefined;
  }

  /**
   * @throws STORE_UNAVAILABLE if the thread ends before it answers or does not answer in time, and what the thread
   *   threw
   */
  ask<Asked extends Question, Answered extends Result = Result>(
    question: Asked,
    buffers: ArrayBuffer[] = [],
  ): Promise<Answered> {
    return new Promise((resolve, reject) => {
      const gone = this.#ended ?? this.#stuck;
      if (gone !== undefined) return reject(gone);
      const timer = setTimeout(() => this.#giveUp(), this.#use.timeout);
      this.#waiting = { resolve: resolve as (result: Result) => void, reject, timer };
      this.#worker.ref();
      this.#post(question, buffers);
    });
  }

  /** The answer is no longer wanted: it may arrive early, as a failure. */
  breakOff(): void {
    breakOff(this.#call);
  }

  /**
   * Ends the thread after closing its connection. Nothing may be asked meanwhile.
   *
   * @throws STORE_UNAVAILABLE if it is stuck, and what the thread threw
   */
  async end(): Promise<void> {
    if (this.ended) return;
    if (this.#stuck !== undefined) throw this.#stuck;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(this.#giveUp()), this.#use.timeout);
      this.#worker.once('exit', () => {
        clearTimeout(timer);
        resolve();
      });
      this.#worker.ref();
      this.#post({ kind: 'end' });
    });
    if (this.#failure !== undefined) throw this.#failure;
  }

  #post(request: object, buffers: ArrayBuffer[] = []): void {
    beginCall(this.#call);
    this.#worker.postMessage(request, buffers);
  }

  #settle(answer: Answer<Result>): void {
    const waiting = this.#takeWaiting();
    this.#worker.unref();
    if ('failure' in answer) waiting?.reject(fromFailure(answer.failure));
    else waiting?.resolve(answer.result);
  }

  #giveUp(): NephoscopeError {
    const { path, timeout, verb } = this.#use;
    const seconds = timeout / 1_000;
    const text =
      verb === 'writes'
        ? `the disk of ${path} has not answered for ${seconds} s: look for what holds it up; nothing is written until it lets go`
        : `${path} has not answered a query for ${seconds} s, and the query was ended: ask for less, or check the disk`;
    this.#stuck = new NephoscopeError('STORE_UNAVAILABLE', text);
    this.#takeWaiting()?.reject(this.#stuck);
    this.#worker.unref();
    // As soon as possible. Terminating it within a call of the library would end the whole program.
    this.#post({ kind: 'end' });
    // After that, because a question resets it.
    this.breakOff();
    return this.#stuck;
  }

  #takeWaiting(): Waiting<Result> | undefined {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    clearTimeout(waiting?.timer);
    return waiting;
  }

  #end(code: number): void {
    forgetCall(this.#call);
    const cause = this.#failure;
    const { path, verb } = this.#use;
    const reason = cause === undefined ? `exit code ${code}` : describeError(cause);
    this.#ended = new NephoscopeError(
      'STORE_UNAVAILABLE',
      `the thread that ${verb} ${path} has ended (${reason}): the next ${verb === 'writes' ? 'batch' : 'query'} starts another one`,
      { cause },
    );
    this.#takeWaiting()?.reject(this.#ended);
  }
}
