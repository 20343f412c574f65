import { describeError, NephoscopeError } from '@nephoscope/core';
import type { Clock, Health, Logger, MessageBus } from '@nephoscope/core';

import type { AgentMetrics } from './metrics.js';
import type { UnsentMessage } from './unsent-file.js';

// So much may wait in memory. Beyond it no new samples are taken: one that was not taken is not lost.
const maxBytes = 64 * 1024 * 1024;
const firstPause = 500;
const longestPause = 30_000;

/**
 * Messages on their way to the bus, oldest first. Each stays until the bus confirms it; while it does not,
 * sending is tried again with growing pauses.
 */
export class Outbox {
  readonly #bus: MessageBus;
  readonly #persist: () => Promise<void>;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #metrics: AgentMetrics;
  readonly #stopping = new AbortController();
  #queue: UnsentMessage[] = [];
  #bytes = 0;
  #sending: Promise<void> | undefined;
  #failure: string | undefined;

  /** @param persist makes durable what must not be forgotten before messages leave (their numbers) */
  constructor(options: { readonly bus: MessageBus; readonly persist: () => Promise<void>; readonly clock: Clock; readonly logger: Logger; readonly metrics: AgentMetrics }) {
    this.#bus = options.bus;
    this.#persist = options.persist;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#metrics = options.metrics;
  }

  /** Takes messages over and begins to send them. */
  add(messages: readonly UnsentMessage[]): void {
    if (messages.length === 0) return;
    for (const message of messages) this.#account(message, 1);
    this.#queue.push(...messages);
    this.#sending ??= this.#send().finally(() => (this.#sending = undefined));
  }

  /** Why nothing more can be taken now; undefined when it can. */
  get full(): string | undefined {
    if (this.#bytes < maxBytes) return undefined;
    return `${this.#queue.length} messages wait for the bus, and memory for more is used up`;
  }

  /** Resolves when everything is confirmed; rejects with the last failure when `signal` is aborted before. */
  async flush(signal: AbortSignal): Promise<void> {
    if (this.#sending === undefined) return;
    let onAbort: () => void = () => undefined;
    const aborted = new Promise<never>((_, reject) => {
      onAbort = () => reject(new NephoscopeError('SAMPLES_UNSENT', `${this.#samples()} samples are not confirmed by the bus: ${this.#failure ?? 'it did not answer in time'}`));
      if (signal.aborted) onAbort();
      else signal.addEventListener('abort', onAbort, { once: true });
    });
    try {
      await Promise.race([this.#sending, aborted]);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** Ends the tries and gives what the bus has not confirmed. */
  async stop(): Promise<readonly UnsentMessage[]> {
    this.#stopping.abort();
    await this.#sending;
    return this.#queue;
  }

  health(): Health {
    return this.#failure === undefined ? { ok: true } : { ok: false, reason: `${this.#samples()} samples wait: ${this.#failure}` };
  }

  async #send(): Promise<void> {
    const { signal } = this.#stopping;
    for (let pause = firstPause; this.#queue.length > 0 && !signal.aborted; ) {
      try {
        await this.#persist();
        await this.#sendQueue();
        if (this.#failure !== undefined) this.#logger.info({}, 'the samples that waited are sent');
        this.#failure = undefined;
        pause = firstPause;
      } catch (error) {
        this.#failure = describeError(error);
        this.#logger.warn({ err: error, samples: this.#samples() }, `samples wait, the next try is in ${pause / 1_000} s: ${this.#failure}`);
        await this.#clock.sleep(pause, signal).catch(() => undefined);
        pause = Math.min(pause * 2, longestPause);
      }
    }
  }

  /** Sends all that is there now at once; what is confirmed leaves the queue, whatever happens to the others. */
  async #sendQueue(): Promise<void> {
    const messages = this.#queue;
    this.#queue = [];
    const results = await Promise.allSettled(messages.map((message) => this.#bus.publish(message)));
    const unconfirmed: UnsentMessage[] = [];
    let failure: unknown;
    results.forEach((result, index) => {
      const message = messages[index] as UnsentMessage;
      if (result.status === 'fulfilled') {
        this.#account(message, -1);
      } else {
        failure ??= result.reason;
        unconfirmed.push(message);
        this.#metrics.publishFailures.inc();
      }
    });
    this.#queue = [...unconfirmed, ...this.#queue];
    if (failure !== undefined) throw failure;
  }

  #account(message: UnsentMessage, sign: 1 | -1): void {
    this.#bytes += sign * message.body.byteLength;
    this.#metrics.unsent.inc(sign * message.samples);
  }

  #samples(): number {
    return this.#queue.reduce((sum, { samples }) => sum + samples, 0);
  }
}
