import { MeteringBatch, meteringContentType, meteringRoutingKey, meteringTopology, signMeteringMessage } from '@nephoscope/core';
import type { Counter, Instance, Signer } from '@nephoscope/core';
import { v7 as uuid } from 'uuid';

import { Epochs } from './epochs.js';
import type { Failures } from './failures.js';
import type { Taken } from './poll-instance.js';
import type { AgentState } from './state-directory.js';
import type { UnsentMessage } from './unsent-file.js';

interface WriterOptions {
  readonly source: string;
  /** Names the agent to people; on the wire the id of its state stands behind it. */
  readonly publisher: string;
  readonly signer: Signer;
}

/**
 * Turns counters into signed, numbered messages, each with samples of one meter. What it must remember
 * (the last number, the epochs) is `state`, to be kept before anything that it made is sent.
 */
export class MessageWriter {
  readonly #options: WriterOptions;
  readonly #agentId: string;
  readonly #epochs: Epochs;
  #sequence: bigint;

  constructor(options: WriterOptions, state: AgentState) {
    this.#options = options;
    this.#agentId = state.agentId;
    this.#sequence = state.sequence;
    this.#epochs = new Epochs(state.epochs);
  }

  get state(): { readonly agentId: string; readonly sequence: bigint; readonly epochs: Epochs } {
    return { agentId: this.#agentId, sequence: this.#sequence, epochs: this.#epochs };
  }

  /**
   * @param now ms since 1970
   * @param failures gets the counters that cannot be sent
   */
  write(batch: readonly Taken[], now: number, failures: Failures): readonly UnsentMessage[] {
    const batches = new Map<string, MeteringBatch>();
    for (const { instance, pollster, counters } of batch) {
      for (const counter of counters) {
        try {
          let ofMeter = batches.get(counter.name);
          if (ofMeter === undefined) {
            // A name that cannot travel costs itself and no number.
            meteringRoutingKey(counter.name);
            batches.set(counter.name, (ofMeter = new MeteringBatch()));
          }
          ofMeter.add(this.#sign(counter, instance, now));
        } catch (error) {
          failures.add(pollster, instance, error);
        }
      }
    }
    this.#epochs.forgetUnseen(now);
    return [...batches].flatMap(([meter, ofMeter]) =>
      ofMeter.bodies().map(({ bytes, lines }) => ({
        exchange: meteringTopology.exchange,
        routingKey: meteringRoutingKey(meter),
        contentType: meteringContentType,
        body: bytes,
        samples: lines,
      })),
    );
  }

  #sign(counter: Counter, instance: Instance, now: number): string {
    const { source, publisher, signer } = this.#options;
    const line = signMeteringMessage(
      counter,
      {
        source,
        messageId: uuid(),
        publisherId: `${publisher}/${this.#agentId}`,
        sequence: this.#sequence + 1n,
        epoch: this.#epochs.of(counter, instance, now),
      },
      signer,
    );
    this.#sequence += 1n;
    return line;
  }
}
