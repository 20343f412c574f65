import type { CounterType } from '@nephoscope/core';
import type { HistoryQuery, SeriesKey } from '@nephoscope/core/sample-store';
import { decodeSpans } from '@nephoscope/statistics';
import type { NumberedSpan } from '@nephoscope/statistics';
import { sql } from 'kysely';
import type { Kysely } from 'kysely';

import { askedAtOnce, inParts } from '../in-parts.js';
import { dayLength, dayOf } from '../rollups/hours.js';
import { rolledSeriesId } from '../rollups/series-id.js';
import type { Schema } from '../schema.js';
import type { Read } from './sample-pages.js';

/** A day of one series: one span of it where that fits, those of its hours elsewhere. */
export interface DayParts {
  readonly day: bigint;
  readonly isWhole: boolean;
  /** Decoded when they are wanted: those of all series at once would be a lot of memory. */
  spans(): readonly NumberedSpan[];
}

/** Hours with late samples, by series. */
export async function marksOf(db: Kysely<Schema>, series: readonly SeriesKey[]): Promise<Map<string, bigint[]>> {
  const marks = new Map<string, bigint[]>();
  const resources = [...new Set(series.map(({ resourceId }) => resourceId))];
  const rows = await db
    .selectFrom('rollup_marks')
    .innerJoin('series', 'series.id', 'rollup_marks.series_id')
    .select(['hour', 'resource_id', 'counter_name', 'source', 'type', 'unit'])
    .where('series.resource_id', 'in', resources)
    .distinct()
    .execute();
  for (const { hour, resource_id: resourceId, counter_name: meter, source, type, unit } of rows)
    addTo(marks, rolledSeriesId({ source, meter, type, unit, resourceId }), hour);
  return marks;
}

/** What is rolled up of these series, up to the first day that begins after the end, in the order of days. */
export async function daysOf(
  read: Read,
  query: HistoryQuery,
  rolled: bigint,
  series: ReadonlyMap<string, SeriesKey>,
  marks: ReadonlyMap<string, readonly bigint[]>,
): Promise<Map<string, DayParts[]>> {
  const found = new Map<string, DayParts[]>();
  const spansIn = (bytes: Uint8Array, id: string, day: bigint) =>
    decodeSpans(bytes, series.get(id)?.type as CounterType, day * dayLength);
  const cut = cutDays(query, rolled);
  const ranges = cut.map(([from, to]) => sql`rollups.day between ${from} and ${to}`);
  const inHours = sql.join(ranges, sql` or `);
  const columns = sql`rollups.series, rollups.day, case when ${inHours} then rollups.hours end as hours,
    case when ${inHours} then null else rollups.whole end as whole`;
  const last = dayOf(query.end);
  for (const some of inParts([...series.keys()], askedAtOnce)) {
    const ids = sql.join(some);
    const { rows } = await read((db) =>
      sql<DayRow>`
        select ${columns} from rollups where rollups.series in (${ids}) and rollups.day <= ${last}
        union all
        select ${columns} from rollup_series join rollups on rollups.series = rollup_series.id and rollups.day =
          (select min(later.day) from rollups as later where later.series = rollup_series.id and later.day > ${last})
        where rollup_series.id in (${ids})
        `.execute(db),
    );
    const missing: { readonly id: string; readonly day: bigint }[] = [];
    for (const { series: id, day, hours, whole } of rows) {
      const span = whole === null ? undefined : spansIn(whole, id, day)[0];
      const isLate = marks.get(id)?.some((hour) => dayOf(hour) === day) === true;
      const fits = span !== undefined && !isLate && fitsDay(query, day, span.span.widest);
      if (fits) addTo(found, id, { day, isWhole: true, spans: () => [span] });
      else if (hours !== null) addTo(found, id, { day, isWhole: false, spans: () => spansIn(hours, id, day) });
      else missing.push({ id, day });
    }
    for (const one of await hoursOf(read, missing))
      addTo(found, one.series, {
        day: one.day,
        isWhole: false,
        spans: () => spansIn(one.hours, one.series, one.day),
      });
  }
  return found;
}

/** The hours of days that were expected to be used as a whole, and are not: late samples, readings further apart than usual. */
async function hoursOf(read: Read, days: readonly { readonly id: string; readonly day: bigint }[]) {
  const wanted = new Set(days.map(({ id, day }) => `${id} ${day}`));
  const ids = [...new Set(days.map(({ id }) => id))];
  const found = [];
  for (const some of inParts([...new Set(days.map(({ day }) => day))], askedAtOnce)) {
    if (ids.length === 0) break;
    const rows = await read((db) =>
      db
        .selectFrom('rollups')
        .selectAll()
        .where('series', 'in', ids)
        .where('day', 'in', [...some])
        .execute(),
    );
    found.push(...rows.filter(({ series, day }) => wanted.has(`${series} ${day}`)));
  }
  return found;
}

interface DayRow {
  readonly series: string;
  readonly day: bigint;
  readonly hours: Uint8Array | null;
  readonly whole: Uint8Array | null;
}

/** Days that are wanted in parts, as ranges: those that the query cuts, and the one up to the middle of which is rolled up. */
function cutDays(query: HistoryQuery, rolled: bigint): (readonly [from: bigint, to: bigint])[] {
  const days: [bigint, bigint][] = [];
  const add = (day: bigint) => {
    const newest = days.at(-1);
    if (newest !== undefined && newest[1] >= day - 1n) newest[1] = day > newest[1] ? day : newest[1];
    else days.push([day, day]);
  };
  const last = min(dayOf(query.end), dayOf(rolled));
  for (let day = dayOf(query.start); day <= last; day += 1n) if (!fitsDay(query, day, 0n)) add(day);
  // Rows may have hours that are not rolled up yet, which a killed roller left.
  days.push([dayOf(rolled), dayOf(rolled) + 1n]);
  return days;
}

function fitsDay(query: HistoryQuery, day: bigint, widest: bigint): boolean {
  return query.fits(day * dayLength, (day + 1n) * dayLength, widest);
}

function addTo<Key, Value>(map: Map<Key, Value[]>, key: Key, value: Value): void {
  const values = map.get(key);
  if (values === undefined) map.set(key, [value]);
  else values.push(value);
}

const min = (one: bigint, other: bigint) => (one < other ? one : other);
