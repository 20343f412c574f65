import type { Sample } from '@nephoscope/core/sample-store';

import { messageKey } from '../message-key.js';
import { Periods } from '../periods.js';
import type { SeriesCache } from '../series-cache.js';
import { seriesColumns } from '../series-columns.js';
import { int64, storable } from '../storable.js';
import { hexArray, int8Array, textArray, uuidArray } from './binary-array.js';
import { numeric } from './numeric.js';
import type { SharedRow } from './shared-rows.js';

/** The state for which a batch is made. If the database is in another state, nothing of the batch is written. */
export interface StateOfTables {
  /** The last period that is over. */
  readonly ended: number;
  /** The files of the tables that samples refer to. They differ after a restore. */
  readonly files: string;
}

const files = ['message_ids', 'series', 'metadata']
  .map((table) => `pg_relation_filenode('${table}')`)
  .join(` || '/' || `);

/** Returns a row `{ ended, files }`; none if the table `retention` is empty, which happens only during a restore. */
export const stateOfTables = `select ended, ${files} as files from retention`;

/** A batch as passed to the database. */
export interface Batch {
  /** Of the samples, each message id once. */
  readonly times: readonly bigint[];
  /** Shared rows to be stored with it. */
  readonly missing: readonly SharedRow[];
  /** The parameters of {@link recordBatch}. */
  readonly values: readonly Buffer[];
}

const seriesParameters = seriesColumns.map((_, at) => `$${11 + at}::text[]`).join(', ');
const seriesUntil = 11 + seriesColumns.length;
const metadataId = seriesUntil + 1;
const ended = metadataId + 3;
const filesOf = ended + 1;

/** ns. */
const hour = 3_600_000_000_000;

const keepLonger = (table: string) =>
  `on conflict (id) do update set until = excluded.until where ${table}.until < excluded.until`;

/**
 * Everything in one statement, and so in one round trip and one transaction. Rows that several collectors may write
 * concurrently are written in the order of their keys, to avoid deadlocks.
 *
 * Nothing is written if the last period that is over has changed since the batch was made, and none is ended before
 * this is committed; nor if the tables are others, in which the rows that the batch refers to may be missing.
 *
 * The hours of samples that come after their hour was rolled up, or began to be, are marked: the row of `retention` is locked, so
 * that no roller goes on without this batch.
 */
export const recordBatch = `
with current as materialized (
  select marked from retention where ended = ($${ended}::int8[])[1] and ${files} = ($${filesOf}::text[])[1] for share
), new_ids as (
  insert into message_ids (key) select key from unnest($1::uuid[]) as key where exists (select from current) order by key
  on conflict do nothing returning key
), new_series as (
  insert into series (id, ${seriesColumns.join(', ')}, until)
  select * from unnest($10::uuid[], ${seriesParameters}, $${seriesUntil}::int8[]) where exists (select from current)
  ${keepLonger('series')}
), new_metadata as (
  insert into metadata (id, text, until)
  select * from unnest($${metadataId}::uuid[], $${metadataId + 1}::text[], $${metadataId + 2}::int8[])
  where exists (select from current)
  ${keepLonger('metadata')}
), new_marks as (
  insert into rollup_marks (series_id, hour)
  select distinct series_id, timestamp - mod(mod(timestamp, ${hour}) + ${hour}, ${hour})
  from unnest($1::uuid[], $3::uuid[], $4::int8[]) as late (key, series_id, timestamp) join new_ids using (key)
  where timestamp < (select marked from current)
)
insert into samples (key, message_id, series_id, timestamp, volume, volume_text, sequence, metadata_id, signature, variations)
select key, message_id, series_id, timestamp, volume::numeric, nullif(volume, volume::numeric::text), sequence, metadata_id,
  signature, variations
from unnest($1::uuid[], $2::text[], $3::uuid[], $4::int8[], $5::text[], $6::int8[], $7::uuid[], $8::bytea[], $9::text[])
  with ordinality as sample (key, message_id, series_id, timestamp, volume, sequence, metadata_id, signature, variations, number)
join new_ids using (key)
order by number`;

/** @throws SAMPLE_INVALID */
export function toBatch(samples: readonly Sample[], known: SeriesCache<SharedRow>, state: StateOfTables): Batch {
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
  const periods = new Periods();

  for (const sample of firstOfEach(samples)) {
    const { key, isId } = messageKey(sample.messageId);
    const time = int64(sample, 'timestamp');
    const parts = known.of(sample, Math.max(periods.of(time), state.ended + 1));
    const { series, metadata } = parts;
    if (series.values !== undefined) missing.add(series);
    if (metadata?.values !== undefined) missing.add(metadata);
    keys.push(key);
    messageIds.push(isId ? null : storable(sample.messageId));
    seriesIds.push(series.id);
    times.push(time);
    volumes.push(numeric(sample));
    sequences.push(int64(sample, 'sequence'));
    metadataIds.push(metadata?.id ?? null);
    signatures.push(parts.signature);
    variations.push(parts.variations);
  }
  const rows = [...missing].sort((one, other) => one.id.compare(other.id) || other.until - one.until);
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
    int8Array([BigInt(state.ended)]),
    textArray([state.files]),
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
  // For several periods the last one, which comes first.
  const ofTable = rows.filter((row) => row.table === table);
  const own = ofTable.filter((row, at) => at === 0 || ofTable[at - 1]?.id.equals(row.id) === false);
  const ofColumn = (column: number) => own.map(({ values }) => values?.[column] ?? null);
  return [
    uuidArray(own.map(({ id }) => id)),
    ...Array.from({ length: columns }, (_, at) => textArray(ofColumn(at))),
    int8Array(own.map(({ until }) => BigInt(until))),
  ];
}
