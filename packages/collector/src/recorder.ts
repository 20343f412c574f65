import { describeError, isNephoscopeError } from '@nephoscope/core';
import type { Clock, Logger, SampleStore } from '@nephoscope/core';

import type { Intake, Refusal } from './intake.js';
import type { CollectorMetrics } from './metrics.js';

export interface RecorderParts {
  readonly store: SampleStore;
  readonly metrics: CollectorMetrics;
  readonly clock: Clock;
  readonly logger: Logger;
}

const firstPause = 250;
const longestPause = 15_000;

/** Records batches, however many tries that takes, and finds the samples of which the store says that it can never record them. */
export class Recorder {
  readonly #parts: RecorderParts;
  #failure: string | undefined;

  constructor(parts: RecorderParts) {
    this.#parts = parts;
  }

  /** Why the store takes nothing now. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /**
   * Resolves when every sample of the batch is recorded, or is among what it returns: refused for good, with the intake
   * that it came in. What is gone is left out from then on: it comes again.
   *
   * @throws the signal's reason when it is aborted before; then some may be recorded
   */
  async record(batch: readonly Intake[], signal: AbortSignal): Promise<ReadonlyMap<Intake, readonly Refusal[]>> {
    const refused = new Map<Intake, Refusal[]>();
    await this.#record(
      batch.map((intake) => ({ intake, samples: intake.samples })),
      refused,
      signal,
    );
    return refused;
  }

  async #record(parts: readonly Part[], refused: Map<Intake, Refusal[]>, signal: AbortSignal): Promise<void> {
    for (let pause = firstPause; ; pause = Math.min(pause * 2, longestPause)) {
      signal.throwIfAborted();
      const present = parts.filter(({ intake }) => !intake.delivery.isGone);
      if (present.length === 0) return;
      try {
        return await this.#try(present);
      } catch (error) {
        // All else is the store's, known or not: a valid sample must not be lost to an error that nobody thought of.
        if (isNephoscopeError(error, 'SAMPLE_INVALID'))
          return await this.#separate(present, error, refused, signal);
        this.#tell(error, present.length, pause);
        await this.#parts.clock.sleep(pause, signal);
      }
    }
  }

  async #try(parts: readonly Part[]): Promise<void> {
    const { logger, metrics, store } = this.#parts;
    const end = metrics.commit.startTimer();
    const { recorded, duplicates } = await store.record(parts.flatMap(({ samples }) => samples));
    end();
    metrics.recorded.inc(recorded);
    metrics.duplicates.inc(duplicates);
    if (this.#failure !== undefined) logger.info({}, 'the store takes samples again');
    this.#failure = undefined;
  }

  /** The store refuses one of them: records each half by itself, until the bad ones stand alone. */
  async #separate(
    parts: readonly Part[],
    error: unknown,
    refused: Map<Intake, Refusal[]>,
    signal: AbortSignal,
  ): Promise<void> {
    const halves = halve(parts);
    if (halves === undefined) return this.#refuse(parts[0] as Part, error, refused);
    for (const half of halves) await this.#record(half, refused, signal);
  }

  #refuse({ intake, samples }: Part, error: unknown, refused: Map<Intake, Refusal[]>): void {
    const [sample] = samples;
    if (sample === undefined) return;
    const reason = `SAMPLE_INVALID: ${describeError(error)}`;
    const refusal: Refusal = { kind: 'SAMPLE_INVALID', reason, bytes: Buffer.from(sample.text), count: 1 };
    refused.set(intake, [...(refused.get(intake) ?? []), refusal]);
  }

  #tell(error: unknown, messages: number, pause: number): void {
    const { logger, metrics } = this.#parts;
    metrics.storeFailures.inc();
    this.#failure = describeError(error);
    logger.error(
      { err: error, messages },
      `the store does not take samples, they stay in the queue; the next try is in ${pause / 1_000} s: ${this.#failure}`,
    );
  }
}

/** Samples of one delivery, all or some. */
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
