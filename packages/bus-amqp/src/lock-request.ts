import { Backoff } from '@nephoscope/async';
import { isPermanentError } from '@nephoscope/core';
import type { Leadership } from '@nephoscope/core/message-bus';

import { Lock } from './lock.js';
import type { LockSettings } from './lock.js';
import type { Connection } from './open-connection.js';
import { whenAborted } from './promises.js';

/** Requests a lock, on each connection in turn, until it is granted. */
export class LockRequest {
  readonly #settings: LockSettings;
  readonly granted: Promise<Leadership>;
  /** Resolves when the lock is no longer requested or held. */
  readonly over: Promise<void>;
  /** Aborted when the request ends: granted or failed. */
  readonly #answered = new AbortController();
  #grant: (lock: Leadership) => void = () => undefined;
  #refuse: (error: Error) => void = () => undefined;
  #end: () => void = () => undefined;
  #held: Lock | undefined;

  constructor(settings: LockSettings, signal: AbortSignal) {
    this.#settings = settings;
    this.granted = new Promise((resolve, reject) => {
      this.#grant = resolve;
      this.#refuse = reject;
    });
    this.over = new Promise((resolve) => (this.#end = resolve));
    const abort = () => this.fail(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    this.#answered.signal.addEventListener('abort', () => signal.removeEventListener('abort', abort));
  }

  /** Ends a pending request and rejects it with this. */
  fail(error: Error): void {
    if (this.#answered.signal.aborted) return;
    this.#answered.abort();
    this.#refuse(error);
    this.#end();
  }

  async release(): Promise<void> {
    await this.#held?.release();
  }

  /** Requests the lock on this connection until it is lost. Never rejects. */
  async run(connection: Connection): Promise<void> {
    const { clock, logger, name } = this.#settings;
    const over = AbortSignal.any([connection.lost, this.#answered.signal]);
    const backoff = new Backoff(100, 30_000);
    while (!over.aborted) {
      let lock: Lock | undefined;
      try {
        lock = await Lock.ask(connection, this.#settings);
        await Promise.race([lock.granted, whenAborted(over)]);
        if (!over.aborted) return await this.#hold(lock);
        await lock.release();
      } catch (error) {
        await lock?.release();
        if (over.aborted) return;
        if (isPermanentError(error)) return this.fail(error);
        const pause = backoff.next();
        logger.warn({ err: error, lock: name, retryInMs: pause }, 'acquiring a lock was interrupted');
        await clock.sleep(pause, over).catch(() => undefined);
      }
    }
  }

  async #hold(lock: Lock): Promise<void> {
    this.#held = lock;
    this.#answered.abort();
    this.#grant(lock);
    await whenAborted(lock.lost);
    this.#end();
  }
}
