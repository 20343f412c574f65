import type { Sample } from '@nephoscope/core/sample-store';
import { sql } from 'kysely';
import type { Kysely, RawBuilder } from 'kysely';

import { assemble } from '../message-layout.js';
import type { Reference, Schema } from '../schema.js';
import type { SampleTable } from './sample-table.js';
import { SharedRows } from './shared-rows.js';
import type { Row } from './shared-rows.js';

/** The samples that `found` identifies by `series_id`, `timestamp` and `id`, in no particular order. */
export async function samplesFound(
  db: Kysely<Schema>,
  table: SampleTable,
  found: RawBuilder<unknown>,
): Promise<readonly Sample[]> {
  const rows = await readRows(db, found, table).execute();
  return (await new SharedRows().joined(db, rows)).map(toSample);
}

/** The rows that `found` identifies by `series_id`, `timestamp` and `id`, in no particular order. What they share is read apart. */
export function readRows(db: Kysely<Schema>, found: RawBuilder<unknown>, table: SampleTable) {
  return (
    db
      .selectFrom(sql<{ series_id: Reference; timestamp: bigint; id: bigint }>`(${found})`.as('found'))
      // SQLite begins with the left side of a cross join; otherwise it would begin with all samples when `found` looks large.
      .crossJoin('samples')
      .whereRef('samples.series_id', '=', 'found.series_id')
      .whereRef('samples.timestamp', '=', 'found.timestamp')
      .whereRef('samples.id', '=', 'found.id')
      .select([
        'samples.id',
        'samples.series_id',
        'samples.metadata_id',
        table.key.as('key'),
        'samples.message_id',
        'samples.timestamp',
        table.volume.as('volume'),
        'samples.sequence',
        table.signature.as('signature'),
        'samples.variations',
      ])
  );
}

export function toSample(row: Row): Sample {
  return {
    messageId: messageIdOf(row),
    source: row.source,
    meter: row.counter_name,
    type: row.type,
    unit: row.unit,
    volume: row.volume,
    userId: row.user_id,
    projectId: row.project_id,
    resourceId: row.resource_id,
    timestamp: row.timestamp,
    publisherId: row.publisher_id,
    sequence: row.sequence,
    epoch: row.epoch,
    // Most of the time that a sample takes, and not everybody wants it.
    get text() {
      return textOf(row);
    },
  };
}

function textOf(row: Row): string {
  return assemble(row.layout, { ...row, messageId: messageIdOf(row) });
}

/** An id that is a UUID is its key. */
function messageIdOf({ message_id: id, key }: Row): string {
  if (id !== null) return id;
  const uuid = [key.slice(0, 8), key.slice(8, 12), key.slice(12, 16), key.slice(16, 20), key.slice(20)];
  return uuid.join('-');
}
