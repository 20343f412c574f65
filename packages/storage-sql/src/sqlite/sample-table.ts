import { sql } from 'kysely';

import { messageKey } from '../message-key.js';
import { int64Of } from '../reading/cursor.js';
import type { SampleTable } from '../reading/sample-table.js';
import { chunkOf } from './chunk.js';
import { isWantedFunction } from './database.js';

export const sampleTable: SampleTable = {
  key: sql<string>`lower(hex(samples.key))`,
  volume: sql.ref('samples.volume'),
  signature: sql<string | null>`nullif(lower(hex(samples.signature)), '')`,
  // Chunk by chunk, each in the order of its index: the planner must not begin with the samples.
  ofSeries: (series) =>
    sql`chunks cross join samples as s where ${chunkOf(sql`s.id`)} = chunks.number and s.series_id = ${series}`,
  hasMessageId: (messageId) => sql<boolean>`s.key = ${messageKey(messageId).key}`,
  snapshot: async (db) => {
    const row = await db
      .selectFrom('samples')
      .select((eb) => eb.fn.max('id').as('id'))
      .executeTakeFirst();
    return [`${row?.id ?? 0n}`];
  },
  wasThere: ([last]) => sql<boolean>`s.id <= ${int64Of(last)}`,
};

/** For a connection opened for reading. Not called for each row, because a call costs as much as several rows. */
export const interruptibleTable: SampleTable = {
  ...sampleTable,
  isWanted: (id) => sql<boolean>`(${id} & 63 <> 0 or ${sql.ref(isWantedFunction)}(${id}) = 1)`,
};
