import { sql } from 'kysely';

import { messageKey } from '../message-key.js';
import type { SampleTable } from '../reading/sample-table.js';
import { snapshot, wasThere } from './reading/snapshot.js';

export const sampleTable: SampleTable = {
  key: sql<string>`replace(samples.key::text, '-', '')`,
  volume: sql<string>`coalesce(samples.volume_text, samples.volume::text)`,
  signature: sql<string | null>`encode(samples.signature, 'hex')`,
  ofSeries: (series) => sql`samples as s where s.series_id = ${series}`,
  hasMessageId: (messageId) => sql<boolean>`s.key = ${messageKey(messageId).key.toString('hex')}::uuid`,
  snapshot,
  wasThere,
};
