import { describeError, NephoscopeError } from '@nephoscope/core';
import type { Clock, Health, Logger, MessageBus } from '@nephoscope/core';
import { orAborted } from '@nephoscope/runtime';

import type { AgentMetrics } from './metrics.js';
import type { UnsentMessage } from './unsent-file.js';

// So much may wait in memory. Beyond it no new samples are taken: one that was not taken is not lost.
const maxBytes = 64 * 1024 * 1024;
const firstPause = 500;
const longestPause = 30_000;

/** What the outbox needs of the disk. */
export interface OutboxDisk {
  /** Makes durable what must not be forgotten before messages leave: their numbers. */
  saveState(): Promise<void>;
  /** Adds messages to those that the next start will send. */
  keepUnsent(messages: readonly UnsentMessage[]): Promise<void>;
  /** The next start will have nothing to send. */
  forgetUnsent(): Promise<void>;
}

export interface OutboxParts {
  readonly bus: MessageBus;
  readonly disk: OutboxDisk;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: AgentMetrics;
}

/**
 * Messages on their way to the bus, oldest first. Each stays until the bus confirms it. What it does not
 * confirm is also kept on disk, and sent again with growing pauses.
 */
export class Outbox {
  readonly #parts: OutboxParts;
  readonly #stopping = new AbortController();
  readonly #unsent = new Set<UnsentMessage>();
  /** Those of the file, confirmed or not. */
  readonly #kept = new Set<UnsentMessage>();
  #bytes = 0;
  #sending: Promise<void> | undefined;
  #try: Promise<void> = Promise.resolve();
  #keeping: Promise<void> = Promise.resolve();
  #failure: string | undefined;

  /** @param kept what the file holds already, from the last run: it is sent first */
  constructor(parts: OutboxParts, kept: readonly UnsentMessage[]) {
    this.#parts = parts;
    for (const message of kept) this.#kept.add(message);
    this.add(kept);
  }

  /** Takes messages over and begins to send them. */
  add(messages: readonly UnsentMessage[]): void {
    for (const message of messages) {
      this.#unsent.add(message);
      this.#bytes += message.body.byteLength;
      this.#parts.metrics.unsent.inc(message.samples);
    }
    if (this.#unsent.size > 0) this.#sending ??= this.#send();
  }

  /** Why nothing more can be taken now; undefined when it can. */
  get full(): string | undefined {
    if (this.#bytes < maxBytes) return undefined;
    return `${this.#unsent.size} messages wait for the bus, and memory for more is used up`;
  }

  /**
   * Resolves when what was added has been tried once: confirmed, or known to wait for longer. So a cycle that is
   * large hands on its next piece when this one is out of memory, and a bus that is away holds nothing up.
   */
  tried(): Promise<void> {
    return this.#try;
  }

  /**
   * Resolves when everything is confirmed.
   *
   * @throws SAMPLES_UNSENT, with the last failure, when `signal` is aborted, or the outbox stopped, before
   */
  async flush(signal: AbortSignal): Promise<void> {
    // Sending itself never fails: it tries again, until it is stopped.
    await orAborted(this.#sending ?? Promise.resolve(), signal).catch(() => undefined);
    if (this.#unsent.size === 0) return;
    throw new NephoscopeError(
      'SAMPLES_UNSENT',
      `${this.#samples()} samples are not confirmed by the bus: ${this.#failure ?? 'it did not answer in time'}`,
    );
  }

  /**
   * Ends the tries, and keeps on disk what is not confirmed by now: that may be sent once more at the next start.
   *
   * @throws what the disk throws
   */
  async stop(): Promise<void> {
    this.#stopping.abort();
    // With their numbers not on disk, what is kept would be sent under numbers that are given again.
    await this.#parts.disk.saveState();
    await this.#keep();
  }

  health(): Health {
    return this.#failure === undefined
      ? { ok: true }
      : { ok: false, reason: `${this.#samples()} samples wait: ${this.#failure}` };
  }

  async #send(): Promise<void> {
    const { clock, disk, logger } = this.#parts;
    const { signal } = this.#stopping;
    let pause = firstPause;
    while (this.#unsent.size > 0 && !signal.aborted) {
      // Only these: a message that comes while the state is being saved has a number that is not in it.
      const messages = [...this.#unsent];
      try {
        const sent = disk.saveState().then(() => this.#publish(messages));
        this.#try = sent.catch(() => undefined);
        await sent;
        if (signal.aborted) return;
        if (this.#unsent.size === 0) await this.#keep();
        if (this.#failure !== undefined) logger.info({}, 'the samples that waited are sent');
        this.#failure = undefined;
        pause = firstPause;
      } catch (error) {
        if (signal.aborted) return;
        this.#failure = describeError(error);
        logger.warn(
          { err: error, samples: this.#samples() },
          `samples wait, the next try is in ${pause / 1_000} s: ${this.#failure}`,
        );
        await this.#keep().catch((reason: unknown) => {
          logger.error(
            { err: reason },
            `samples wait in memory alone, and would be lost with this process: ${describeError(reason)}`,
          );
        });
        await clock.sleep(pause, signal).catch(() => undefined);
        pause = Math.min(pause * 2, longestPause);
      }
    }
    this.#sending = undefined;
  }

  /** Sends all at once. What is confirmed is done with, whatever happens to the others. */
  async #publish(messages: readonly UnsentMessage[]): Promise<void> {
    const { bus, metrics } = this.#parts;
    const results = await Promise.allSettled(
      messages.map(async (message) => {
        await bus.publish(message);
        this.#unsent.delete(message);
        this.#bytes -= message.body.byteLength;
        metrics.unsent.dec(message.samples);
      }),
    );
    const failures = results.filter((result) => result.status === 'rejected');
    metrics.publishFailures.inc(failures.length);
    if (failures[0] !== undefined) throw failures[0].reason;
  }

  /** Brings the file in line with what is unsent, one write after the other. */
  #keep(): Promise<void> {
    const { disk } = this.#parts;
    const keep = async () => {
      if (this.#unsent.size === 0) {
        if (this.#kept.size > 0) await disk.forgetUnsent();
        this.#kept.clear();
        return;
      }
      const news = [...this.#unsent].filter((message) => !this.#kept.has(message));
      if (news.length > 0) await disk.keepUnsent(news);
      for (const message of news) this.#kept.add(message);
    };
    return (this.#keeping = this.#keeping.then(keep, keep));
  }

  #samples(): number {
    let samples = 0;
    for (const message of this.#unsent) samples += message.samples;
    return samples;
  }
}
