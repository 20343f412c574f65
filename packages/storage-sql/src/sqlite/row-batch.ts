import type { SeriesRow } from '../storable.js';
import type { Definitions } from './new-rows.js';

export const keyLength = 16;
export const signatureLength = 32;

/** The number for a missing row. */
export const noReference = -1;

/** Bits of {@link RowBatch.present}. */
export const present = { sequence: 1, signature: 2 } as const;

/**
 * Samples as rows of `samples`, in columns that are cheap to transfer to another thread. Series and metadata are the
 * numbers assigned by `NewRows`; those new to the writer are included.
 */
export interface RowBatch {
  readonly count: number;
  readonly keys: Uint8Array<ArrayBuffer>;
  readonly series: Float64Array<ArrayBuffer>;
  readonly timestamps: BigInt64Array<ArrayBuffer>;
  readonly volumes: readonly string[];
  /** Which optional values each row has. */
  readonly present: Uint8Array<ArrayBuffer>;
  readonly sequences: BigInt64Array<ArrayBuffer>;
  readonly metadata: Float64Array<ArrayBuffer>;
  readonly signatures: Uint8Array<ArrayBuffer>;
  /** Only a few rows have these. */
  readonly messageIds: ReadonlyMap<number, string>;
  readonly variations: ReadonlyMap<number, string>;
  readonly newSeries: Definitions<SeriesRow>;
  readonly newMetadata: Definitions<string>;
}

/** The buffers that can be transferred without a copy. */
export function buffersOf(batch: RowBatch): ArrayBuffer[] {
  const { keys, series, timestamps, present: presence, sequences, metadata, signatures } = batch;
  return [keys, series, timestamps, presence, sequences, metadata, signatures].map(({ buffer }) => buffer);
}
