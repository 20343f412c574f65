import { PermanentError } from '@nephoscope/core';
import type { Sample } from '@nephoscope/core/sample-store';

const unstorable = /[\0\p{Surrogate}]/gu;

/**
 * The text as stored in searchable columns, which cannot hold U+0000 or half a surrogate pair: these become U+FFFD.
 * The message's own text is JSON, has them escaped, and is stored exactly.
 */
export function storable<T extends string | null>(text: T): T {
  return (
    text === null || (text.isWellFormed() && !text.includes('\0')) ? text : text.replace(unstorable, '\ufffd')
  ) as T;
}

/** @throws SAMPLE_INVALID if no column can hold it */
export function int64<Field extends 'timestamp' | 'sequence'>(sample: Sample, field: Field): Sample[Field] {
  const value = sample[field];
  if (value !== null && BigInt.asIntN(64, value) !== value) {
    throw new PermanentError(
      'SAMPLE_INVALID',
      `${field} ${value} of message ${sample.messageId} does not fit into 64 bits`,
    );
  }
  return value;
}

/** What identifies a series, in the order of {@link seriesColumns}. */
export type SeriesRow = readonly (string | null)[];

export function seriesRow(sample: Sample, layout: string): SeriesRow {
  const { resourceId, meter, source, type, unit, userId, projectId, epoch, publisherId } = sample;
  return [resourceId, meter, source, type, unit, userId, projectId, epoch, publisherId, layout].map(storable);
}
