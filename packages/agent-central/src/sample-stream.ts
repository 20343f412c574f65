import { orAborted, retry } from '@nephoscope/async';
import { NephoscopeError, describeError } from '@nephoscope/core';
import type { Clock, Counter, Logger } from '@nephoscope/core';
import type { MessageBus, OutgoingMessage } from '@nephoscope/core/message-bus';
import { MeteringBatch, derivedMessageId, meteringTopology, signMeteringMessage } from '@nephoscope/message';
import type { MeteringWire, Signer } from '@nephoscope/message';

import type { AgentMetrics } from './metrics.js';

export interface Sending {
  readonly source: string;
  readonly publisherId: string;
  readonly signer: Signer;
  readonly wire: MeteringWire;
  readonly bus: MessageBus;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: AgentMetrics;
}

interface Message extends OutgoingMessage {
  readonly samples: number;
}

// Samples that are signed and sent together.
const pieceSize = 1_000;
const pieceBytes = 16 * 1024 * 1024;
// Pauses between attempts to publish, ms.
const pauses = { first: 500, longest: 10_000 };

/**
 * Signs the counters of one pollster in one cycle and sends them in pieces. Message ids are derived from the cycle's
 * name, so that a repeated cycle is not recorded twice.
 */
export class SampleStream {
  readonly #sending: Sending;
  readonly #cycle: string;
  readonly #pollster: string;
  readonly #signal: AbortSignal;
  #batches = new Map<string, MeteringBatch>();
  #waiting = 0;
  #waitingBytes = 0;
  /** By the id of each message. */
  readonly #volumes = new Map<string, number | bigint>();
  #sent = 0;
  #unsent = 0;
  #failure: unknown;
  #flushed: Promise<unknown> = Promise.resolve();

  /**
   * @param cycle its name
   * @param signal ends the attempts to publish
   */
  constructor(sending: Sending, cycle: string, pollster: string, signal: AbortSignal) {
    this.#sending = sending;
    this.#cycle = cycle;
    this.#pollster = pollster;
    this.#signal = signal;
  }

  /** Whether a piece is complete and to be flushed. */
  get isFull(): boolean {
    return this.#waiting >= pieceSize || this.#waitingBytes >= pieceBytes;
  }

  get sent(): number {
    return this.#sent;
  }

  /** Samples that were not sent, and why. */
  get unsent(): { readonly samples: number; readonly failure: unknown } {
    return { samples: this.#unsent, failure: this.#failure };
  }

  /**
   * Accepts a counter once: a repetition with the same volume, as when a page was listed twice, is one sample.
   *
   * @throws METER_VOLUME, COUNTER_INVALID for a counter that cannot be sent
   */
  add(counter: Counter): void {
    const { source, publisherId, signer, wire } = this.#sending;
    const { name, resourceId, volume } = counter;
    const messageId = derivedMessageId('central', source, this.#cycle, name, resourceId);
    const before = this.#volumes.get(messageId);
    if (before === volume) return;
    if (before !== undefined)
      throw new NephoscopeError(
        'COUNTER_INVALID',
        `the counter '${name}' was produced twice for '${resourceId.slice(0, 100)}', with different volumes: the first is sent`,
      );
    const line = signMeteringMessage(counter, { source, messageId, publisherId }, signer);
    let batch = this.#batches.get(name);
    if (batch === undefined) this.#batches.set(name, (batch = new MeteringBatch(wire)));
    batch.add(line);
    this.#volumes.set(messageId, volume);
    this.#waiting += 1;
    this.#waitingBytes += line.length;
  }

  /** Resolves when the bus has confirmed everything that was added, or the attempts have ended: see {@link unsent}. */
  flush(): Promise<unknown> {
    const { wire } = this.#sending;
    const messages = [...this.#batches].flatMap(([meter, batch]) =>
      batch.bodies().map(({ bytes, lines }): Message => ({
        exchange: meteringTopology.exchange,
        routingKey: wire.routingKey(meter),
        contentType: wire.contentType,
        body: bytes,
        samples: lines,
      })),
    );
    this.#batches = new Map();
    this.#waiting = 0;
    this.#waitingBytes = 0;
    return (this.#flushed = Promise.all([this.#flushed, ...messages.map((message) => this.#publish(message))]));
  }

  /** Never rejects. */
  async #publish({ samples, ...message }: Message): Promise<void> {
    const { bus, clock, logger, metrics } = this.#sending;
    const signal = this.#signal;
    const onFailure = (error: unknown, pause: number, tries: number): void => {
      this.#failure = error;
      metrics.publishFailures.inc();
      if (tries > 1) return;
      logger.warn(
        { err: error, pollster: this.#pollster, samples },
        `${samples} samples are waiting; next attempt in ${pause / 1_000} s: ${describeError(error)}`,
      );
    };
    try {
      signal.throwIfAborted();
      const publish = () => orAborted(bus.publish(message), signal);
      await retry(publish, { ...pauses, clock, signal, onFailure, isFinal: () => false });
      this.#sent += samples;
      metrics.pollsters.sampled(this.#pollster, samples);
    } catch (error) {
      this.#failure ??= error;
      this.#unsent += samples;
      metrics.unsent.inc(samples);
    }
  }
}
