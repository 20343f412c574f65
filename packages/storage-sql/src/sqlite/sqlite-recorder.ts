import type { RecordResult, Sample } from '@nephoscope/core/sample-store';

import { digestOf } from '../digest.js';
import { messageKey } from '../message-key.js';
import { Periods, noPeriod } from '../periods.js';
import { maxKnown } from '../series-bounds.js';
import { SeriesCache } from '../series-cache.js';
import { int64, storable } from '../storable.js';
import { NewRows, digestOfSeries } from './new-rows.js';
import { keyLength, noReference, present, signatureLength } from './row-batch.js';
import type { RowBatch } from './row-batch.js';
import type { Writer } from './row-writer.js';

/**
 * Makes rows of samples and passes them to the writer. Its cache mirrors that of its writer, so each writer needs its
 * own recorder.
 */
export class SqliteRecorder {
  readonly #writer: Writer;
  readonly #newSeries = new NewRows(digestOfSeries);
  readonly #newMetadata = new NewRows(digestOf);
  readonly #known: SeriesCache<number>;
  readonly #periods = new Periods();
  /** The state for which batches are made: the last period that is over. */
  #ended = noPeriod;

  /** @param most limit of cached series and metadata, no more than the writer's */
  constructor(writer: Writer, most = maxKnown) {
    this.#writer = writer;
    this.#known = new SeriesCache<number>(this.#newSeries, this.#newMetadata, most);
  }

  /**
   * Records the whole batch in one transaction, on disk when it resolves; if it rejects, nothing is recorded.
   *
   * @param retryLocked retries while another program holds the lock
   */
  async record(
    samples: readonly Sample[],
    retryLocked: (work: () => number | Promise<number>) => Promise<number>,
  ): Promise<RecordResult> {
    try {
      let batch = this.#toRowBatch(samples);
      const ended = await retryLocked(() => this.#writer.begin());
      if (ended !== this.#ended) {
        // Shared rows of earlier samples may be removed; while the lock is held, this does not change.
        this.#ended = ended;
        this.#known.forget();
        batch = this.#toRowBatch(samples);
      }
      const recorded = await this.#writer.write(batch);
      return { recorded, duplicates: samples.length - recorded };
    } catch (error) {
      // The writer did not receive the new rows, or they were rolled back.
      this.#known.forget();
      this.#newSeries.take();
      this.#newMetadata.take();
      throw error;
    }
  }

  /** @throws SAMPLE_INVALID */
  #toRowBatch(samples: readonly Sample[]): RowBatch {
    const count = samples.length;
    const keys = new Uint8Array(count * keyLength);
    const series = new Float64Array(count);
    const timestamps = new BigInt64Array(count);
    const volumes: string[] = [];
    const presence = new Uint8Array(count);
    const sequences = new BigInt64Array(count);
    const metadata = new Float64Array(count);
    const signatures = Buffer.from(new ArrayBuffer(count * signatureLength));
    const messageIds = new Map<number, string>();
    const variations = new Map<number, string>();

    for (const [row, sample] of samples.entries()) {
      const { key, isId } = messageKey(sample.messageId);
      keys.set(key, row * keyLength);
      if (!isId) messageIds.set(row, storable(sample.messageId));
      const time = int64(sample, 'timestamp');
      const parts = this.#known.of(sample, Math.max(this.#periods.of(time), this.#ended + 1));
      series[row] = parts.series;
      metadata[row] = parts.metadata ?? noReference;
      timestamps[row] = time;
      volumes.push(sample.volume);
      const sequence = int64(sample, 'sequence');
      if (sequence !== null) {
        sequences[row] = sequence;
        presence[row] = present.sequence;
      }
      if (parts.signature !== null) {
        signatures.write(parts.signature, row * signatureLength, 'hex');
        presence[row] = (presence[row] as number) | present.signature;
      }
      if (parts.variations !== null) variations.set(row, parts.variations);
    }
    return {
      ...{ count, keys, series, timestamps, volumes, present: presence, sequences, metadata, signatures },
      ...{ messageIds, variations, newSeries: this.#newSeries.take(), newMetadata: this.#newMetadata.take() },
    };
  }
}
