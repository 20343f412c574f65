import type { Counter, Meter } from '@nephoscope/core';
import { MeteringBatch, meteringTopology, signMeteringMessage } from '@nephoscope/message';
import type { MeteringWire, Signer } from '@nephoscope/message';

import { Epochs } from './epochs.js';
import type { Failures } from './failures.js';
import { messageId } from './message-id.js';
import type { Taken } from './poll-instance.js';
import type { AgentState } from './state-directory.js';
import type { DroppedTotal, SpoolMessage } from './spool/record.js';

/** The meter of the agent's own losses. Its resource id: `<publisher id>/<meter>`; its metadata: `meter`, `from`, `to`. */
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
  /** Names the agent to people; on the wire the id of its state stands behind it. */
  readonly publisher: string;
  readonly signer: Signer;
  /** How the messages travel, given who sends them. */
  readonly wire: (publisherId: string) => MeteringWire;
}

/** Counters whose epochs are settled: one for each counter, undefined where it has none. */
export interface Labelled extends Taken {
  readonly counters: readonly Counter[];
  readonly epochs: readonly (string | undefined)[];
}

/**
 * Turns counters into signed, numbered messages, each with samples of one meter. What it must remember are the last
 * number and the epochs, to be kept before anything that it made is sent.
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

  /** Who sends, as it stands in the samples. */
  get publisherId(): string {
    return this.#publisherId;
  }

  get epochs(): Epochs {
    return this.#epochs;
  }

  /** The number that was given last. */
  get sequence(): bigint {
    return this.#sequence;
  }

  /** The next number is the one behind this: of what was numbered after it nothing was taken. */
  continueFrom(sequence: bigint): void {
    this.#sequence = sequence;
  }

  /**
   * Makes counters of totals and settles the epochs, of all before any of them is written, so that they are saved once.
   *
   * @param now ms of a clock that never steps
   */
  label(batch: readonly Taken[], now: number): readonly Labelled[] {
    this.#epochs.forgetDevices(now);
    return batch.map((taken) => {
      const counters: Counter[] = [];
      const epochs: (string | undefined)[] = [];
      for (const made of taken.counters) {
        const settled = this.#epochs.settle(made, taken.instance, now);
        if (settled === undefined) continue;
        counters.push(settled.counter);
        epochs.push(settled.epoch);
      }
      return { instance: taken.instance, pollster: taken.pollster, counters, epochs };
    });
  }

  /** @param failures gets the counters that cannot be sent */
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

  /** The message that says how many samples of a meter this agent ever dropped. Without a number: it stands for none. */
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
        // They rise.
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
