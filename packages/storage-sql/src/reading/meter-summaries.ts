import type { MeterSummary, SampleFilter } from '@nephoscope/core/sample-store';
import { sql } from 'kysely';
import type { Kysely } from 'kysely';

import type { Schema } from '../schema.js';
import { rowPages } from './sample-pages.js';
import type { Read } from './sample-pages.js';
import type { SampleTable } from './sample-table.js';
import { samplesOfSeries, summarisedSeries } from './series-spans.js';
import { byText } from './text-order.js';

/** One for each name, type and unit, in the order of the names. */
export async function meterSummaries(
  read: Read,
  table: SampleTable,
  filter: SampleFilter,
): Promise<readonly MeterSummary[]> {
  return filter.metadata === undefined || filter.metadata.length === 0
    ? await read((db) => counted(db, table, filter))
    : await gathered(read, table, filter);
}

async function counted(
  db: Kysely<Schema>,
  table: SampleTable,
  filter: SampleFilter,
): Promise<readonly MeterSummary[]> {
  const ofSeries = samplesOfSeries(table, filter);
  const series = summarisedSeries(db, table, filter).select([
    'series.counter_name',
    'series.type',
    'series.unit',
    'series.resource_id',
    sql<bigint>`(select count(*) from ${ofSeries})`.as('samples'),
  ]);
  const rows = await db
    .selectFrom(series.as('counted'))
    .where('samples', '>', 0n)
    .select([
      'counter_name',
      'type',
      'unit',
      sql<bigint>`count(distinct resource_id)`.as('resources'),
      sql<bigint>`cast(sum(samples) as bigint)`.as('samples'),
    ])
    .groupBy(['counter_name', 'type', 'unit'])
    .orderBy('counter_name')
    .orderBy('type')
    .orderBy(sql`unit nulls first`)
    .execute();
  return rows.map((row) => ({
    name: row.counter_name,
    type: row.type,
    unit: row.unit,
    resources: Number(row.resources),
    samples: Number(row.samples),
  }));
}

/** With conditions on metadata: computed from the samples themselves. */
async function gathered(read: Read, table: SampleTable, filter: SampleFilter): Promise<readonly MeterSummary[]> {
  const meters = new Map<
    string,
    { name: string; type: string; unit: string | null; resources: Set<string>; samples: number }
  >();
  for await (const { rows } of rowPages(read, table, filter))
    for (const { counter_name: name, type, unit, resource_id: resource } of rows) {
      const key = JSON.stringify([name, type, unit]);
      const meter = meters.get(key) ?? { name, type, unit, resources: new Set(), samples: 0 };
      meters.set(key, meter);
      meter.resources.add(resource);
      meter.samples += 1;
    }
  return [...meters.values()].sort(byMeter).map((meter) => ({ ...meter, resources: meter.resources.size }));
}

/** Compares by name, type and unit. */
export function byMeter(one: Named, other: Named): number {
  return byText(one.name, other.name) || byText(one.type, other.type) || byText(one.unit ?? '', other.unit ?? '');
}

type Named = Pick<MeterSummary, 'name' | 'type' | 'unit'>;
