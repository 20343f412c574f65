import type { SampleFilter } from '@nephoscope/core/sample-store';
import { sql } from 'kysely';
import type { Kysely, RawBuilder } from 'kysely';

import type { Schema } from '../schema.js';
import { matches, matchingSeries } from './filter.js';
import type { SampleTable } from './sample-table.js';

/** The matching samples `s` of a series; the query ends when nobody waits for its result any more. */
export function samplesOfSeries(table: SampleTable, filter: SampleFilter): RawBuilder<unknown> {
  const all = sql`${table.ofSeries(sql.ref('series.id'))} and ${matches(table, filter)}`;
  const wanted = table.isWanted?.(sql.ref('s.id'));
  return wanted === undefined ? all : sql`${all} and ${wanted}`;
}

/** The matching series; the query ends when nobody waits for its result any more. */
export function summarisedSeries(db: Kysely<Schema>, table: SampleTable, filter: SampleFilter) {
  const series = matchingSeries(db, filter);
  // For each series, which may have millions of samples.
  const wanted = table.isWanted?.(sql`series.id * 64`);
  return wanted === undefined ? series : series.where(wanted);
}

/** The time of the first or last of these samples: a few steps in an index, however many there are. */
export function timeOf(which: 'first' | 'last', ofSeries: RawBuilder<unknown>): RawBuilder<bigint> {
  const direction = which === 'first' ? sql`asc` : sql`desc`;
  return sql<bigint>`(select s.timestamp from ${ofSeries} order by s.timestamp ${direction}, s.id ${direction} limit 1)`;
}
