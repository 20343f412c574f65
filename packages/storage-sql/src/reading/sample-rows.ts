import type { Sample } from '@nephoscope/core/sample-store';
import { sql } from 'kysely';
import type { Kysely, RawBuilder } from 'kysely';

import { assemble } from '../message-layout.js';
import type { Reference, Schema } from '../schema.js';
import type { SampleTable } from './sample-table.js';

/** The samples that `found` identifies by `series_id`, `timestamp` and `id`, in no particular order. */
export async function samplesFound(
  db: Kysely<Schema>,
  table: SampleTable,
  found: RawBuilder<unknown>,
): Promise<readonly Sample[]> {
  return (await readRows(db, found, table).execute()).map(toSample);
}

/** The rows that `found` identifies by `series_id`, `timestamp` and `id`, in no particular order. */
export function readRows(db: Kysely<Schema>, found: RawBuilder<unknown>, table: SampleTable) {
  return (
    db
      .selectFrom(sql<{ series_id: Reference; timestamp: bigint; id: bigint }>`(${found})`.as('found'))
      // SQLite begins with the left side of a cross join; otherwise it would begin with all samples when `found` looks large.
      .crossJoin('samples')
      .innerJoin('series', 'series.id', 'samples.series_id')
      .leftJoin('metadata', 'metadata.id', 'samples.metadata_id')
      .whereRef('samples.series_id', '=', 'found.series_id')
      .whereRef('samples.timestamp', '=', 'found.timestamp')
      .whereRef('samples.id', '=', 'found.id')
      .select([
        'samples.id',
        'samples.series_id',
        'samples.metadata_id',
        table.messageId.as('message_id'),
        'samples.timestamp',
        table.volume.as('volume'),
        'samples.sequence',
        'samples.signature',
        'samples.variations',
        'metadata.text as metadata',
        'series.source',
        'series.counter_name',
        'series.type',
        'series.unit',
        'series.user_id',
        'series.project_id',
        'series.resource_id',
        'series.epoch',
        'series.publisher_id',
        'series.layout',
      ])
  );
}

export type Row = Awaited<ReturnType<ReturnType<typeof readRows>['execute']>>[number];

export function toSample(row: Row): Sample {
  const { message_id: messageId, volume, timestamp, sequence, metadata, variations } = row;
  const signature = row.signature === null ? null : Buffer.from(row.signature).toString('hex');
  return {
    messageId,
    source: row.source,
    meter: row.counter_name,
    type: row.type,
    unit: row.unit,
    volume,
    userId: row.user_id,
    projectId: row.project_id,
    resourceId: row.resource_id,
    timestamp,
    publisherId: row.publisher_id,
    sequence,
    epoch: row.epoch,
    text: assemble(row.layout, { messageId, volume, timestamp, sequence, metadata, signature, variations }),
  };
}
