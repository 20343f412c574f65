import { retry } from '@nephoscope/async';
import { describeError, isNephoscopeError } from '@nephoscope/core';
import type { Clock, Logger } from '@nephoscope/core';
import type { Sample, SampleStore } from '@nephoscope/core/sample-store';

import type { Conflicts } from './conflicts.js';
import type { Intake, Refusal } from './intake.js';
import type { CollectorMetrics } from './metrics.js';
import { expired } from './oldest-kept.js';
import type { OldestKept } from './oldest-kept.js';

export interface RecorderParts {
  readonly store: SampleStore;
  readonly conflicts: Conflicts;
  readonly oldestKept: OldestKept;
  readonly metrics: CollectorMetrics;
  readonly clock: Clock;
  readonly logger: Logger;
}

const pauses = { first: 250, longest: 15_000 };

// Every other error is the store's, permanent or not: a valid sample must not be lost because of an unforeseen error.
const isOfSample = (error: unknown): boolean => isNephoscopeError(error, 'SAMPLE_INVALID');

/** Records batches, with any number of retries, and finds the samples that the store can never record. */
export class Recorder {
  readonly #parts: RecorderParts;
  #failure: string | undefined;

  constructor(parts: RecorderParts) {
    this.#parts = parts;
  }

  /** Why the store is unavailable. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /**
   * Resolves when every sample of the batch is recorded or among the result: permanently refused samples, by intake.
   * Deliveries whose channel is gone are left out from then on, because they are delivered again.
   *
   * @throws the signal's reason if it is aborted before; some samples may be recorded then
   */
  async record(batch: readonly Intake[], signal: AbortSignal): Promise<ReadonlyMap<Intake, readonly Refusal[]>> {
    const refused: Refused = new Map();
    const oldest = await this.#insist(() => this.#parts.oldestKept.time(), signal);
    const parts = batch.map((intake) => ({ intake, samples: newerThan(oldest, intake, refused) }));
    await this.#record(
      parts.filter(({ samples }) => samples.length > 0),
      refused,
      signal,
    );
    return refused;
  }

  async #record(parts: readonly Part[], refused: Refused, signal: AbortSignal): Promise<void> {
    let present = parts;
    let duplicates = 0;
    try {
      duplicates = await this.#insist(async () => {
        present = parts.filter(({ intake }) => !intake.delivery.isGone);
        return present.length === 0 ? 0 : await this.#try(present);
      }, signal);
    } catch (error) {
      if (!isOfSample(error)) throw error;
      return await this.#separate(present, error, refused, signal);
    }
    if (duplicates > 0) await this.#insist(() => this.#compare(present, refused), signal);
  }

  /** Retries while the store fails. @throws SAMPLE_INVALID, and the signal's reason */
  async #insist<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    const onFailure = (error: unknown, pause: number): void => this.#logFailure(error, pause);
    return retry(work, { ...pauses, clock: this.#parts.clock, signal, onFailure, isFinal: isOfSample });
  }

  /** @returns how many were repetitions */
  async #try(parts: readonly Part[]): Promise<number> {
    const { logger, metrics, store } = this.#parts;
    const end = metrics.commit.startTimer();
    const { recorded, duplicates } = await store.record(parts.flatMap(({ samples }) => samples));
    end();
    metrics.recorded.inc(recorded);
    metrics.duplicates.inc(duplicates);
    if (this.#failure !== undefined) logger.info({}, 'the store accepts samples again');
    this.#failure = undefined;
    return duplicates;
  }

  /** Compares repetitions with the recorded samples; those that differ are kept too. */
  async #compare(parts: readonly Part[], refused: Refused): Promise<void> {
    const { conflicts, store } = this.#parts;
    const recorded = await store.recordedAs(parts.flatMap(({ samples }) => samples));
    const byId = new Map(recorded.map((sample) => [sample.messageId, sample]));
    // Refused when all are finished; if the store fails in between, everything is repeated.
    const found: Refused = new Map();
    for (const { intake, samples } of parts)
      for (const sample of samples) {
        const first = byId.get(sample.messageId);
        const reason = first === undefined ? undefined : await conflicts.keep(sample, first);
        if (reason !== undefined) refuse(found, intake, sample, 'conflict', reason);
      }
    for (const [intake, some] of found) refused.set(intake, [...(refused.get(intake) ?? []), ...some]);
  }

  /** The store refuses one of them: records each half separately until the bad ones are isolated. */
  async #separate(parts: readonly Part[], error: unknown, refused: Refused, signal: AbortSignal): Promise<void> {
    const halves = halve(parts);
    if (halves === undefined) {
      const { intake, samples } = parts[0] as Part;
      const [sample] = samples;
      return sample && refuse(refused, intake, sample, 'SAMPLE_INVALID', describeError(error));
    }
    for (const half of halves) await this.#record(half, refused, signal);
  }

  #logFailure(error: unknown, pause: number): void {
    const { logger, metrics } = this.#parts;
    metrics.storeFailures.inc();
    this.#failure = describeError(error);
    logger.error(
      { err: error },
      `the store does not accept samples, which stay in the queue; next attempt in ${pause / 1_000} s: ${this.#failure}`,
    );
  }
}

/** By intake. */
type Refused = Map<Intake, Refusal[]>;

function refuse(refused: Refused, intake: Intake, sample: Sample, kind: Refusal['kind'], why: string): void {
  const refusal: Refusal = { kind, reason: `${kind}: ${why}`, bytes: Buffer.from(sample.text), count: 1 };
  const others = refused.get(intake);
  if (others === undefined) refused.set(intake, [refusal]);
  else others.push(refusal);
}

/** The samples that are not older; the others are refused. */
function newerThan(oldest: bigint | undefined, intake: Intake, refused: Refused): readonly Sample[] {
  const { samples } = intake;
  if (oldest === undefined || samples.every(({ timestamp }) => timestamp >= oldest)) return samples;
  return samples.filter((sample) => {
    if (sample.timestamp >= oldest) return true;
    refuse(refused, intake, sample, 'expired', expired(sample.timestamp, oldest));
    return false;
  });
}

/** Some or all samples of one delivery. */
interface Part {
  readonly intake: Intake;
  readonly samples: Intake['samples'];
}

function halve(parts: readonly Part[]): readonly (readonly Part[])[] | undefined {
  if (parts.length > 1) return inTwo(parts);
  const { intake, samples } = parts[0] as Part;
  return samples.length > 1 ? inTwo(samples).map((half) => [{ intake, samples: half }]) : undefined;
}

function inTwo<T>(items: readonly T[]): readonly [readonly T[], readonly T[]] {
  const middle = items.length >> 1;
  return [items.slice(0, middle), items.slice(middle)];
}
