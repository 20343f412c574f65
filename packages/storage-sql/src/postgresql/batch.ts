import type { Sample } from '@nephoscope/core';

import { messageParts } from '../message-parts.js';
import { int64, seriesColumns, seriesOf, seriesRow, storable } from '../storable.js';
import { int8Array, textArray, uuidArray } from './binary-array.js';
import { contentId, StoredTexts } from './content-ids.js';

/** How many repeated texts are remembered. */
const remembered = { series: 100_000, metadata: 10_000, publishers: 10_000 };

/** What is known to be in the database beside the samples. */
export class Stored {
  readonly series = new StoredTexts(remembered.series);
  readonly metadata = new StoredTexts(remembered.metadata);
  readonly publishers = new StoredTexts(remembered.publishers);

  add(batch: Batch): void {
    this.series.add(batch.series);
    this.metadata.add(batch.metadata);
    this.publishers.add(batch.publishers);
  }

  forget(): void {
    this.series.forget();
    this.metadata.forget();
    this.publishers.forget();
  }
}

/** A batch as the database takes it. */
export interface Batch {
  /** Of the samples, each message id once. */
  readonly times: readonly bigint[];
  /** What has to be stored with it, by its text. */
  readonly series: ReadonlyMap<string, Buffer>;
  readonly metadata: ReadonlyMap<string, Buffer>;
  readonly publishers: ReadonlyMap<string, Buffer>;
  /** The parameters of {@link recordBatch}. */
  readonly values: readonly Buffer[];
}

/**
 * Everything in one statement, and so in one round trip and one transaction. Rows that several collectors may write at
 * once are written in the order of their keys, so that none waits for one that waits for it.
 */
export const recordBatch = `
with new_ids as (
  insert into message_ids (key) select key from unnest($1::uuid[]) as key order by key
  on conflict do nothing returning key
), new_series as (
  insert into series (id, ${seriesColumns.join(', ')})
  select * from unnest($11::uuid[], ${seriesColumns.map((_, at) => `$${12 + at}::text[]`).join(', ')})
  on conflict do nothing
), new_metadata as (
  insert into metadata (id, text) select * from unnest($20::uuid[], $21::text[]) on conflict do nothing
), new_publishers as (
  insert into publishers (id, text) select * from unnest($22::uuid[], $23::text[]) on conflict do nothing
)
insert into samples (key, message_id, series_id, timestamp, volume, volume_text, publisher_id, sequence, head, metadata_id, tail)
select key, message_id, series_id, timestamp, volume::numeric, nullif(volume, volume::numeric::text), publisher_id, sequence,
  head, metadata_id, tail
from unnest($1::uuid[], $2::text[], $3::uuid[], $4::int8[], $5::text[], $6::uuid[], $7::int8[], $8::text[], $9::uuid[], $10::text[])
  with ordinality as sample (key, message_id, series_id, timestamp, volume, publisher_id, sequence, head, metadata_id, tail, number)
join new_ids using (key)
order by number`;

/** @throws SAMPLE_INVALID */
export function toBatch(samples: readonly Sample[], stored: Stored): Batch {
  const keys: Buffer[] = [];
  const messageIds: (string | null)[] = [];
  const seriesIds: Buffer[] = [];
  const times: bigint[] = [];
  const volumes: string[] = [];
  const publisherIds: (Buffer | null)[] = [];
  const sequences: (bigint | null)[] = [];
  const heads: string[] = [];
  const metadataIds: (Buffer | null)[] = [];
  const tails: string[] = [];
  const series = new Map<string, Buffer>();
  const metadata = new Map<string, Buffer>();
  const publishers = new Map<string, Buffer>();

  for (const sample of firstOfEach(samples)) {
    const messageId = storable(sample.messageId);
    const isUuid = uuid.test(messageId);
    const parts = messageParts(sample.text);
    keys.push(isUuid ? Buffer.from(messageId.replaceAll('-', ''), 'hex') : contentId(messageId));
    messageIds.push(isUuid ? null : messageId);
    seriesIds.push(stored.series.idOf(seriesOf(sample), series));
    times.push(int64(sample, 'timestamp'));
    volumes.push(sample.volume);
    const { publisherId } = sample;
    publisherIds.push(publisherId === null ? null : stored.publishers.idOf(storable(publisherId), publishers));
    sequences.push(int64(sample, 'sequence'));
    heads.push(parts.head);
    metadataIds.push(parts.metadata === null ? null : stored.metadata.idOf(parts.metadata, metadata));
    tails.push(parts.tail);
  }
  const values = [
    uuidArray(keys),
    textArray(messageIds),
    uuidArray(seriesIds),
    int8Array(times),
    textArray(volumes),
    uuidArray(publisherIds),
    int8Array(sequences),
    textArray(heads),
    uuidArray(metadataIds),
    textArray(tails),
    ...seriesValues(series),
    ...textValues(metadata),
    ...textValues(publishers),
  ];
  return { times, series, metadata, publishers, values };
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

function* firstOfEach(samples: readonly Sample[]): Generator<Sample> {
  const seen = new Set<string>();
  for (const sample of samples) {
    const id = storable(sample.messageId);
    if (seen.has(id)) continue;
    seen.add(id);
    yield sample;
  }
}

function seriesValues(series: ReadonlyMap<string, Buffer>): Buffer[] {
  const sorted = byId(series);
  const rows = sorted.map(([text]) => seriesRow(text));
  return [
    uuidArray(sorted.map(([, id]) => id)),
    ...seriesColumns.map((_, at) => textArray(rows.map((row) => row[at] ?? null))),
  ];
}

function textValues(texts: ReadonlyMap<string, Buffer>): Buffer[] {
  const sorted = byId(texts);
  return [uuidArray(sorted.map(([, id]) => id)), textArray(sorted.map(([text]) => text))];
}

function byId(texts: ReadonlyMap<string, Buffer>): [string, Buffer][] {
  return [...texts].sort(([, one], [, other]) => one.compare(other));
}
