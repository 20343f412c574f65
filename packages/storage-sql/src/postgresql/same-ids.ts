import type { Sample } from '@nephoscope/core/sample-store';
import { sql } from 'kysely';
import type { RawBuilder } from 'kysely';

import { messageKey } from '../message-key.js';
import { storable } from '../storable.js';

/**
 * The samples recorded with the ids, meters and resources of these. No index has samples by their ids, because each
 * insert would pay for it: they are found by their series, and quickly by their time.
 *
 * @param atTheirTimes leaves out samples with another time
 */
export function sameIds(samples: readonly Sample[], atTheirTimes: boolean): RawBuilder<unknown> {
  const keys = samples.map(({ messageId }) => sql`${messageKey(messageId).key.toString('hex')}::uuid`);
  const resources = distinct(samples.map(({ resourceId }) => storable(resourceId)));
  const meters = distinct(samples.map(({ meter }) => storable(meter)));
  const times = distinct(samples.map(({ timestamp }) => timestamp));
  const ofTimes = atTheirTimes ? sql`and s.timestamp in (${sql.join(times)})` : sql``;
  return sql`select s.series_id, s.timestamp, s.id from series join samples as s on s.series_id = series.id
    where series.resource_id in (${sql.join(resources)}) and series.counter_name in (${sql.join(meters)})
    and s.key in (${sql.join(keys)}) ${ofTimes}`;
}

function distinct<T>(values: readonly T[]): T[] {
  return [...new Set(values)];
}
