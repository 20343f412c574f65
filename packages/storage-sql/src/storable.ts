import { PermanentError } from '@nephoscope/core';
import type { Sample } from '@nephoscope/core/sample-store';

const unstorable = /[\0\p{Surrogate}]/gu;

/**
 * The text as the columns to search in can hold it: none holds U+0000 or half a surrogate pair, which become U+FFFD.
 * The message's own text, being JSON, has them escaped and is kept exactly.
 */
export function storable<T extends string | null>(text: T): T {
  return (
    text === null || (text.isWellFormed() && !text.includes('\0')) ? text : text.replace(unstorable, '\ufffd')
  ) as T;
}

/** @throws SAMPLE_INVALID when no column holds it */
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

/** What tells a series from all others, in the order of {@link seriesColumns}. */
export type SeriesRow = readonly (string | null)[];

export function seriesRow(sample: Sample, layout: string): SeriesRow {
  const { resourceId, meter, source, type, unit, userId, projectId, epoch, publisherId } = sample;
  return [resourceId, meter, source, type, unit, userId, projectId, epoch, publisherId, layout].map(storable);
}
