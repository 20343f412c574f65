import { OldestKept, expired } from '@nephoscope/collector';
import { describeError, formatTimestamp, isNephoscopeError } from '@nephoscope/core';
import type { Clock } from '@nephoscope/core';
import type { Sample, SampleStore } from '@nephoscope/core/sample-store';
import { compareDecimals } from '@nephoscope/message';

import type { Entry } from './entry.js';

export interface Counts {
  /** Readable samples that are signed here, and those that keep their signature. */
  readonly takenOver: number;
  readonly asSigned: number;
  readonly recorded: number;
  /** Recorded before, by a collector or an import. */
  readonly before: number;
  readonly refused: number;
}

type Readable = Extract<Entry, { readonly sample: Sample }>;

/** Samples in one transaction, as many as a collector's have. */
const batchSize = 2_000;

/** Records what files have, and says of which places nothing was recorded. */
export class Recording {
  readonly #store: SampleStore | undefined;
  readonly #oldestKept: OldestKept | undefined;
  readonly #report: (place: string, problem: string) => Promise<void>;
  readonly #counts = { takenOver: 0, asSigned: 0, recorded: 0, before: 0, refused: 0 };
  #batch: Readable[] = [];

  /**
   * @param parts.store undefined: nothing is recorded
   * @param parts.retention of the collector, in ms: what it would remove is refused, as the collector does
   */
  constructor(parts: {
    readonly store: SampleStore | undefined;
    readonly retention: number | undefined;
    readonly clock: Clock;
    readonly report: (place: string, problem: string) => Promise<void>;
  }) {
    const { store, retention, clock, report } = parts;
    this.#store = store;
    this.#oldestKept = store && new OldestKept({ retention, store, clock });
    this.#report = report;
  }

  get counts(): Counts {
    return this.#counts;
  }

  /** @throws what the store throws, but SAMPLE_INVALID */
  async add(entry: Entry): Promise<void> {
    if ('problem' in entry) return this.#refuse(entry.place, entry.problem);
    this.#counts[entry.takenOver ? 'takenOver' : 'asSigned'] += 1;
    this.#batch.push(entry);
    if (this.#batch.length >= batchSize) await this.finish();
  }

  /** Records what was added last. @throws as {@link add} */
  async finish(): Promise<void> {
    const batch = this.#batch;
    this.#batch = [];
    const oldest = await this.#oldestKept?.time();
    const kept: Readable[] = [];
    for (const entry of batch) {
      const { timestamp } = entry.sample;
      if (oldest === undefined || timestamp >= oldest) kept.push(entry);
      else await this.#refuse(entry.place, expired(timestamp, oldest));
    }
    await this.#record(kept);
  }

  async #record(entries: readonly Readable[]): Promise<void> {
    if (entries.length === 0 || this.#store === undefined) return;
    try {
      const { recorded, duplicates } = await this.#store.record(entries.map(({ sample }) => sample));
      this.#counts.recorded += recorded;
      if (duplicates > 0) this.#counts.before += duplicates - (await this.#refuseDifferent(entries, this.#store));
    } catch (error) {
      if (!isNephoscopeError(error, 'SAMPLE_INVALID')) throw error;
      const [only] = entries;
      if (entries.length === 1 && only !== undefined) return this.#refuse(only.place, describeError(error));
      const middle = entries.length >> 1;
      await this.#record(entries.slice(0, middle));
      await this.#record(entries.slice(middle));
    }
  }

  /** Refuses those that are not what is recorded under their message ids. @returns how many */
  async #refuseDifferent(entries: readonly Readable[], store: SampleStore): Promise<number> {
    const recorded = await store.recordedAs(entries.map(({ sample }) => sample));
    const byId = new Map(recorded.map((sample) => [sample.messageId, sample]));
    let different = 0;
    for (const { sample, place } of entries) {
      const first = byId.get(sample.messageId);
      const difference = first === undefined ? 'it is of another meter or resource' : differenceOf(first, sample);
      if (difference === undefined) continue;
      different += 1;
      const what = `another sample is recorded under its message id ${sample.messageId}`;
      await this.#refuse(place, `${what}: ${difference}`);
    }
    return different;
  }

  async #refuse(place: string, problem: string): Promise<void> {
    this.#counts.refused += 1;
    await this.#report(place, problem);
  }
}

const compared = ['source', 'meter', 'type', 'unit', 'userId', 'projectId', 'resourceId'] as const;

/** How what is recorded differs in what figures are made of; undefined if it does not. Metadata have several forms. */
function differenceOf(first: Sample, sample: Sample): string | undefined {
  // Databases cannot store U+0000 in a text: stores replace it.
  const stored = (text: string | null) => text?.replaceAll('\0', '\ufffd') ?? null;
  const field = compared.find((name) => stored(first[name]) !== stored(sample[name]));
  if (field !== undefined) return `its ${field} is ${String(first[field])}, and not ${String(sample[field])}`;
  if (first.timestamp !== sample.timestamp)
    return `its time is ${formatTimestamp(first.timestamp)}, and not ${formatTimestamp(sample.timestamp)}`;
  if (compareDecimals(first.volume, sample.volume) !== 0)
    return `its volume is ${first.volume}, and not ${sample.volume}`;
  return undefined;
}
