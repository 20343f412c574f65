import { MeteringBatch, meteringTopology, signMeteringMessage } from '@nephoscope/core';
import type { Counter, MeteringWire, Signer } from '@nephoscope/core';
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
  /** How the messages travel, given who sends them. */
  readonly wire: (publisherId: string) => MeteringWire;
}

/** Counters whose epochs are settled: one for each counter, undefined where it has none. */
export interface Labelled extends Taken {
  readonly epochs: readonly (string | undefined)[];
}

/**
 * Turns counters into signed, numbered messages, each with samples of one meter. What it must remember
 * (the last number, the epochs) is `state`, to be kept before anything that it made is sent.
 */
export class MessageWriter {
  readonly #options: WriterOptions;
  readonly #agentId: string;
  readonly #publisherId: string;
  readonly #wire: MeteringWire;
  readonly #epochs: Epochs;
  #sequence: bigint;
  /** The last number that labelled counters may get. */
  #reserved: bigint;
  /** Counters that are labelled and not written yet, of however many who make messages at a time. */
  #unwritten = 0;

  constructor(options: WriterOptions, state: AgentState) {
    this.#options = options;
    this.#agentId = state.agentId;
    this.#publisherId = `${options.publisher}/${state.agentId}`;
    this.#wire = options.wire(this.#publisherId);
    this.#sequence = this.#reserved = state.sequence;
    this.#epochs = new Epochs(state.epochs);
  }

  get state(): { readonly agentId: string; readonly sequence: bigint; readonly epochs: Epochs } {
    return { agentId: this.#agentId, sequence: this.#reserved, epochs: this.#epochs };
  }

  /**
   * Settles the epochs of counters and reserves their numbers, of all before any of them is written, so that the
   * state is saved once. What a crash keeps from being written is a gap in the numbers then.
   *
   * @param now ms since 1970
   */
  label(batch: readonly Taken[], now: number): readonly Labelled[] {
    this.#epochs.forgetUnseen(now);
    this.#unwritten += countersIn(batch);
    // It does not go back while a cycle is written in pieces, or every piece would have the state saved.
    const needed = this.#sequence + BigInt(this.#unwritten);
    if (needed > this.#reserved) this.#reserved = needed;
    return batch.map((taken) => ({
      ...taken,
      epochs: taken.counters.map((counter) => this.#epochs.of(counter, taken.instance, now)),
    }));
  }

  /** @param failures gets the counters that cannot be sent */
  write(batch: readonly Labelled[], failures: Failures): readonly UnsentMessage[] {
    const batches = new Map<string, MeteringBatch>();
    for (const { instance, pollster, counters, epochs } of batch) {
      for (const [index, counter] of counters.entries()) {
        try {
          let ofMeter = batches.get(counter.name);
          if (ofMeter === undefined) {
            // A name that cannot travel costs itself and no number.
            this.#wire.routingKey(counter.name);
            batches.set(counter.name, (ofMeter = new MeteringBatch(this.#wire)));
          }
          ofMeter.add(this.#sign(counter, epochs[index]));
        } catch (error) {
          failures.add(pollster, instance, error);
        }
      }
    }
    this.#unwritten -= countersIn(batch);
    return [...batches].flatMap(([meter, ofMeter]) =>
      ofMeter.bodies().map(({ bytes, lines }) => ({
        exchange: meteringTopology.exchange,
        routingKey: this.#wire.routingKey(meter),
        contentType: this.#wire.contentType,
        body: bytes,
        samples: lines,
      })),
    );
  }

  /** Gives the reserved numbers back that no message will get: counters that could not be sent leave no gap. */
  settle(): void {
    this.#reserved = this.#sequence + BigInt(this.#unwritten);
  }

  #sign(counter: Counter, epoch: string | undefined): string {
    const { source, signer } = this.#options;
    const line = signMeteringMessage(
      counter,
      {
        source,
        messageId: uuid(),
        publisherId: this.#publisherId,
        sequence: this.#sequence + 1n,
        epoch,
      },
      signer,
    );
    this.#sequence += 1n;
    return line;
  }
}

function countersIn(batch: readonly Taken[]): number {
  return batch.reduce((sum, { counters }) => sum + counters.length, 0);
}

/** The batch in pieces of at least `size` counters, but the last: a large host is not written in memory as a whole. */
export function* pieces(
  batch: readonly Labelled[],
  size: number,
): Generator<readonly Labelled[], void, undefined> {
  let piece: Labelled[] = [];
  let counters = 0;
  for (const labelled of batch) {
    piece.push(labelled);
    counters += labelled.counters.length;
    if (counters < size) continue;
    yield piece;
    piece = [];
    counters = 0;
  }
  if (piece.length > 0) yield piece;
}
