import type { Sample } from '@nephoscope/core';

import { messageKey } from '../message-key.js';
import type { SeriesCache } from '../series-cache.js';
import { seriesColumns } from '../series-columns.js';
import { int64, storable } from '../storable.js';
import { hexArray, int8Array, textArray, uuidArray } from './binary-array.js';
import { numeric } from './numeric.js';
import type { SharedRow } from './shared-rows.js';

/** A batch as the database takes it. */
export interface Batch {
  /** Of the samples, each message id once. */
  readonly times: readonly bigint[];
  /** What has to be stored with it. */
  readonly missing: readonly SharedRow[];
  /** The parameters of {@link recordBatch}. */
  readonly values: readonly Buffer[];
}

const seriesParameters = seriesColumns.map((_, at) => `$${11 + at}::text[]`).join(', ');
const metadataId = 11 + seriesColumns.length;

/**
 * Everything in one statement, and so in one round trip and one transaction. Rows that several collectors may write at
 * once are written in the order of their keys, so that none waits for one that waits for it.
 */
export const recordBatch = `
with new_ids as (
  insert into message_ids (key) select key from unnest($1::uuid[]) as key order by key
  on conflict do nothing returning key
), new_series as (
  insert into series (id, ${seriesColumns.join(', ')}) select * from unnest($10::uuid[], ${seriesParameters})
  on conflict do nothing
), new_metadata as (
  insert into metadata (id, text) select * from unnest($${metadataId}::uuid[], $${metadataId + 1}::text[])
  on conflict do nothing
)
insert into samples (key, message_id, series_id, timestamp, volume, volume_text, sequence, metadata_id, signature, variations)
select key, message_id, series_id, timestamp, volume::numeric, nullif(volume, volume::numeric::text), sequence, metadata_id,
  signature, variations
from unnest($1::uuid[], $2::text[], $3::uuid[], $4::int8[], $5::text[], $6::int8[], $7::uuid[], $8::bytea[], $9::text[])
  with ordinality as sample (key, message_id, series_id, timestamp, volume, sequence, metadata_id, signature, variations, number)
join new_ids using (key)
order by number`;

/** @throws SAMPLE_INVALID */
export function toBatch(samples: readonly Sample[], known: SeriesCache<SharedRow>): Batch {
  const keys: Buffer[] = [];
  const messageIds: (string | null)[] = [];
  const seriesIds: Buffer[] = [];
  const times: bigint[] = [];
  const volumes: string[] = [];
  const sequences: (bigint | null)[] = [];
  const metadataIds: (Buffer | null)[] = [];
  const signatures: (string | null)[] = [];
  const variations: (string | null)[] = [];
  const missing = new Set<SharedRow>();

  for (const sample of firstOfEach(samples)) {
    const { key, isId } = messageKey(sample.messageId);
    const parts = known.of(sample);
    const { series, metadata } = parts;
    if (series.values !== undefined) missing.add(series);
    if (metadata?.values !== undefined) missing.add(metadata);
    keys.push(key);
    messageIds.push(isId ? null : storable(sample.messageId));
    seriesIds.push(series.id);
    times.push(int64(sample, 'timestamp'));
    volumes.push(numeric(sample));
    sequences.push(int64(sample, 'sequence'));
    metadataIds.push(metadata?.id ?? null);
    signatures.push(parts.signature);
    variations.push(parts.variations);
  }
  const rows = [...missing].sort((one, other) => one.id.compare(other.id));
  const values = [
    uuidArray(keys),
    textArray(messageIds),
    uuidArray(seriesIds),
    int8Array(times),
    textArray(volumes),
    int8Array(sequences),
    uuidArray(metadataIds),
    hexArray(signatures),
    textArray(variations),
    ...tableValues(rows, 'series', seriesColumns.length),
    ...tableValues(rows, 'metadata', 1),
  ];
  return { times, missing: rows, values };
}

function* firstOfEach(samples: readonly Sample[]): Generator<Sample> {
  const seen = new Set<string>();
  for (const sample of samples) {
    if (seen.has(sample.messageId)) continue;
    seen.add(sample.messageId);
    yield sample;
  }
}

function tableValues(rows: readonly SharedRow[], table: SharedRow['table'], columns: number): Buffer[] {
  const own = rows.filter((row) => row.table === table);
  const ofColumn = (column: number) => own.map(({ values }) => values?.[column] ?? null);
  return [
    uuidArray(own.map(({ id }) => id)),
    ...Array.from({ length: columns }, (_, at) => textArray(ofColumn(at))),
  ];
}
