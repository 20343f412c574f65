import type { SampleFilter } from '@nephoscope/core/sample-store';
import { sql } from 'kysely';
import type { Kysely, RawBuilder } from 'kysely';

import { int64Range } from '../int64.js';
import type { Schema } from '../schema.js';
import { storable } from '../storable.js';
import type { SampleTable } from './sample-table.js';

const columns = {
  meters: 'series.counter_name',
  resources: 'series.resource_id',
  projects: 'series.project_id',
  users: 'series.user_id',
  sources: 'series.source',
} as const;

const fields = Object.keys(columns) as (keyof typeof columns)[];

/** Whether the filter has any condition besides a time range. */
export function restrictsSeries(filter: SampleFilter): boolean {
  return (
    filter.scope !== 'all' || filter.conflicting === true || fields.some((field) => filter[field] !== undefined)
  );
}

/** The series that match the filter, whatever its time range. */
export function matchingSeries(db: Kysely<Schema>, filter: SampleFilter) {
  let query = db.selectFrom('series');
  if (filter.scope !== 'all') query = query.where('series.project_id', '=', storable(filter.scope.project));
  for (const field of fields) {
    const wanted = filter[field];
    if (wanted !== undefined) query = query.where(isOneOf(columns[field], wanted));
  }
  // The quotes exclude other matches: within a JSON string they would be escaped.
  return filter.conflicting === true ? query.where('series.layout', 'like', '%"conflicts_with"%') : query;
}

/** Whether a column has one of these values; null among them stands for none. */
export function isOneOf(column: string, wanted: readonly (string | null)[]): RawBuilder<boolean> {
  const texts = wanted.filter((text) => text !== null).map(storable);
  const isOne =
    texts.length === 0 ? sql<boolean>`1 = 0` : sql<boolean>`${sql.ref(column)} in (${sql.join(texts)})`;
  return texts.length === wanted.length ? isOne : sql<boolean>`(${isOne} or ${sql.ref(column)} is null)`;
}

/** Whether a sample `s` of a matching series matches the filter, apart from its metadata conditions. */
export function matches(table: SampleTable, { messageId, ...filter }: SampleFilter): RawBuilder<boolean> {
  const inTime = inRange(filter);
  return messageId === undefined ? inTime : sql<boolean>`${inTime} and ${table.hasMessageId(messageId)}`;
}

function inRange({ start, end }: SampleFilter): RawBuilder<boolean> {
  const from = start === undefined || start < int64Range.min ? int64Range.min : start;
  // No stored time is beyond 64 bits.
  if (from > int64Range.max) return sql<boolean>`false`;
  const since = sql<boolean>`s.timestamp >= ${from}`;
  if (end === undefined || end > int64Range.max) return since;
  return end < int64Range.min ? sql<boolean>`false` : sql<boolean>`${since} and s.timestamp < ${end}`;
}
