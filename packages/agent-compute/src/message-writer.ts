import type { Counter, Meter } from '@nephoscope/core';
import { MeteringBatch, meteringTopology, signMeteringMessage } from '@nephoscope/message';
import type { MeteringWire, Signer } from '@nephoscope/message';

import { Epochs } from './epochs.js';
import type { Failures } from './failures.js';
import { messageId } from './message-id.js';
import type { Taken } from './poll-instance.js';
import type { AgentState } from './state-directory.js';
import type { DroppedTotal, SpoolMessage } from './spool/record.js';

/**
 * The meter of the agent's own losses. Its resource id is `<publisher id>/<meter>`, its metadata `meter`, `from`,
 * `to`.
 */
export const droppedMeter: Meter = {
  name: 'nephoscope.samples.dropped',
  type: 'cumulative',
  unit: 'sample',
  description:
    'Samples of one meter that the agent dropped because its spool was full; the metadata says which meter, and from when to when',
};

/** Messages of one meter, and their numbers. */
interface Numbered {
  readonly batch: MeteringBatch;
  readonly sequences: bigint[];
}

interface WriterOptions {
  readonly source: string;
  /** The name of the agent, to which the id of its state is appended in messages. */
  readonly publisher: string;
  readonly signer: Signer;
  /** The wire form, for a given publisher. */
  readonly wire: (publisherId: string) => MeteringWire;
}

/** Counters with their epochs: one for each counter, undefined if it has none. */
export interface Labelled extends Taken {
  readonly counters: readonly Counter[];
  readonly epochs: readonly (string | undefined)[];
}

/**
 * Makes signed, numbered messages of counters, each with samples of one meter. Its state, the last number and the
 * epochs, must be saved before its messages are sent.
 */
export class MessageWriter {
  readonly #options: WriterOptions;
  readonly #agentId: string;
  readonly #publisherId: string;
  readonly #wire: MeteringWire;
  readonly #epochs: Epochs;
  #sequence: bigint;

  constructor(options: WriterOptions, state: Pick<AgentState, 'agentId' | 'sequence' | 'epochs'>) {
    this.#options = options;
    this.#agentId = state.agentId;
    this.#publisherId = `${options.publisher}/${state.agentId}`;
    this.#wire = options.wire(this.#publisherId);
    this.#sequence = state.sequence;
    this.#epochs = new Epochs(state.epochs);
  }

  /** The publisher in the samples. */
  get publisherId(): string {
    return this.#publisherId;
  }

  get epochs(): Epochs {
    return this.#epochs;
  }

  /** The last number that was used. */
  get sequence(): bigint {
    return this.#sequence;
  }

  /** The next number is the one after this, because nothing numbered after it was accepted. */
  continueFrom(sequence: bigint): void {
    this.#sequence = sequence;
  }

  /**
   * Makes counters of totals and settles the epochs of all before any is written, so that epochs are saved once.
   *
   * @param now ms of a clock that is never set
   */
  label(batch: readonly Taken[], now: number): readonly Labelled[] {
    this.#epochs.forgetDevices(now);
    return batch.map((taken) => {
      // Kept for the whole cycle, so sized exactly: an array that grows reserves room for 17.
      const counters = new Array<Counter>(taken.counters.length);
      const epochs = new Array<string | undefined>(taken.counters.length);
      let length = 0;
      for (const made of taken.counters) {
        const settled = this.#epochs.settle(made, taken.instance, now);
        if (settled === undefined) continue;
        counters[length] = settled.counter;
        epochs[length++] = settled.epoch;
      }
      counters.length = epochs.length = length;
      return { instance: taken.instance, pollster: taken.pollster, counters, epochs };
    });
  }

  /** @param failures receives the counters that cannot be sent */
  write(batch: readonly Labelled[], failures: Failures): readonly SpoolMessage[] {
    const batches = new Map<string, Numbered>();
    for (const { instance, pollster, counters, epochs } of batch) {
      for (const [index, counter] of counters.entries()) {
        try {
          let ofMeter = batches.get(counter.name);
          if (ofMeter === undefined)
            batches.set(counter.name, (ofMeter = { batch: new MeteringBatch(this.#wire), sequences: [] }));
          ofMeter.batch.add(this.#sign(counter, epochs[index]));
          ofMeter.sequences.push(this.#sequence);
        } catch (error) {
          failures.add(pollster, instance, error);
        }
      }
    }
    return [...batches].flatMap(([meter, ofMeter]) => this.#messages(meter, ofMeter));
  }

  /** The message with the number of samples of a meter that this agent ever dropped. It has no sequence number. */
  report(dropped: DroppedTotal, now: bigint): SpoolMessage {
    const { meter, total, from, to } = dropped;
    const { name, type, unit } = droppedMeter;
    const counter: Counter = {
      name,
      type,
      unit,
      volume: total,
      userId: null,
      projectId: null,
      resourceId: `${this.#publisherId}/${meter}`,
      timestamp: now,
      resourceMetadata: { meter, from, to },
    };
    const { source, signer } = this.#options;
    const envelope = { source, messageId: messageId(), publisherId: this.#publisherId, epoch: this.#agentId };
    const batch = new MeteringBatch(this.#wire);
    batch.add(signMeteringMessage(counter, envelope, signer));
    const [message] = this.#messages(name, { batch, sequences: [0n] });
    return { ...(message as SpoolMessage), dropped };
  }

  #messages(meter: string, { batch, sequences }: Numbered): readonly SpoolMessage[] {
    let done = 0;
    return batch.bodies().map(({ bytes, lines }) => {
      done += lines;
      return {
        exchange: meteringTopology.exchange,
        routingKey: this.#wire.routingKey(meter),
        contentType: this.#wire.contentType,
        body: bytes,
        samples: lines,
        // They are ascending.
        last: sequences[done - 1] as bigint,
      };
    });
  }

  #sign(counter: Counter, epoch: string | undefined): string {
    const { source, signer } = this.#options;
    const line = signMeteringMessage(
      counter,
      {
        source,
        messageId: messageId(),
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

/**
 * The batch in pieces of at least `size` counters (except the last), so that a large host's messages are not all in
 * memory at once.
 */
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
