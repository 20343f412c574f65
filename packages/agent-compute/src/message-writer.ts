import { describeError, encodeMeteringBatch, meteringContentType, meteringRoutingKey, meteringTopology, signMeteringMessage } from '@nephoscope/core';
import type { Counter, Instance, Logger, Signer } from '@nephoscope/core';
import { v7 as uuid } from 'uuid';

import type { Taken } from './cycle.js';
import { Epochs } from './epochs.js';
import type { AgentMetrics } from './metrics.js';
import type { AgentState } from './state-directory.js';
import type { UnsentMessage } from './unsent-file.js';

interface WriterOptions {
  readonly source: string;
  /** Names the agent to people; on the wire the id of its state stands behind it. */
  readonly publisher: string;
  readonly signer: Signer;
  readonly logger: Logger;
  readonly metrics: AgentMetrics;
}

/**
 * Turns counters into signed, numbered messages: one for the samples of one meter. What it must remember
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

  /** @param now ms since 1970 */
  write(batch: readonly Taken[], now: number): readonly UnsentMessage[] {
    const lines = new Map<string, string[]>();
    for (const { instance, pollster, counters } of batch) {
      for (const counter of counters) {
        try {
          const line = this.#sign(counter, instance, now);
          const ofMeter = lines.get(counter.name);
          if (ofMeter === undefined) lines.set(counter.name, [line]);
          else ofMeter.push(line);
        } catch (error) {
          this.#options.metrics.pollErrors.inc({ pollster });
          this.#options.logger.error({ err: error, pollster, instance: instance.id }, `a counter of the pollster '${pollster}' cannot be sent: ${describeError(error)}`);
        }
      }
    }
    this.#epochs.forgetUnseen(now);
    return [...lines].map(([meter, messages]) => ({
      exchange: meteringTopology.exchange,
      routingKey: meteringRoutingKey(meter),
      contentType: meteringContentType,
      body: encodeMeteringBatch(messages),
      samples: messages.length,
    }));
  }

  #sign(counter: Counter, instance: Instance, now: number): string {
    // Checked for each counter, so that a name that cannot travel costs itself and no number.
    meteringRoutingKey(counter.name);
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
