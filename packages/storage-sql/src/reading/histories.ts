import { NephoscopeError, formatTimestamp } from '@nephoscope/core';
import type { CounterType } from '@nephoscope/core';
import type { HistoryPart, HistoryQuery, HistorySize, RolledSpan, SeriesKey } from '@nephoscope/core/sample-store';
import { decodeSpans, isCounterType } from '@nephoscope/statistics';
import type { NumberedSpan, SpanState } from '@nephoscope/statistics';
import { sql } from 'kysely';
import type { Kysely, RawBuilder } from 'kysely';

import { askedAtOnce, inParts } from '../in-parts.js';
import { int64Range, toInt64 } from '../int64.js';
import { periodOf } from '../periods.js';
import { isUnrolled } from '../rollups/day-spans.js';
import { dayLength, dayOf, hourLength, hourOf } from '../rollups/hours.js';
import { groupParts, rolledSeriesId } from '../rollups/series-id.js';
import type { Reference, Schema } from '../schema.js';
import { storable } from '../storable.js';
import { matchingSeries } from './filter.js';
import { samplesOf } from './sample-pages.js';
import type { Read } from './sample-pages.js';
import type { SampleTable } from './sample-table.js';

/** Resources that are read together: few queries, and little in memory. */
const resourcesAtOnce = 50;

interface State {
  readonly rolled: bigint | null;
  readonly removed: bigint | null;
}

/** A day of one series: one span of it where that fits, those of its hours elsewhere. */
interface DayParts {
  readonly day: bigint;
  readonly isWhole: boolean;
  readonly spans: readonly NumberedSpan[];
}

/**
 * The histories of series, of some resources after the other. Which hours are read as spans is decided first, from how far samples were rolled up and
 * which hours are marked; each hour can then be read so, whatever is rolled up meanwhile. What is removed or discarded meanwhile
 * is noticed at the end.
 */
export async function* histories(
  read: Read,
  table: SampleTable,
  query: HistoryQuery,
  signal: AbortSignal,
): AsyncGenerator<HistoryPart> {
  const state = await read(stateOf);
  const { keys, size } = await seriesOf(read, query);
  yield size;
  const resources = [...keys.keys()].sort();
  const texts = new Map<string, string | null>();
  const reading: Reading = { read, table, query, state, texts, groups: new Set(), signal, oldestRead: undefined };
  let done = 0;
  for (const some of inParts(resources, resourcesAtOnce)) {
    yield* historiesOf(
      reading,
      some.flatMap((id) => keys.get(id) ?? []),
    );
    done += some.length;
    yield { done, of: resources.length };
  }
  if (!isChanged(state, await read(stateOf), reading.oldestRead)) return;
  throw new NephoscopeError(
    'STORE_CHANGED',
    'samples were removed, or rollups discarded, while they were read: ask again',
  );
}

/** Whether something was taken away since that was, or was to be, read. What was rolled up or recorded meanwhile does not matter. */
function isChanged(before: State, now: State, oldestRead: bigint | undefined): boolean {
  const isDiscarded = before.rolled !== null && (now.rolled === null || now.rolled < before.rolled);
  const isRemoved =
    now.removed !== before.removed &&
    oldestRead !== undefined &&
    (now.removed === null || now.removed > oldestRead);
  return isDiscarded || isRemoved;
}

async function stateOf(db: Kysely<Schema>): Promise<State> {
  const { rows } = await sql<State>`select rolled, removed from rollup_state, retention`.execute(db);
  return rows[0] ?? { rolled: null, removed: null };
}

interface Found {
  /** By resource. */
  readonly keys: ReadonlyMap<string, readonly SeriesKey[]>;
  readonly size: HistorySize;
}

/** The series that the query means: of samples, and of what is left of them in rollups. */
async function seriesOf(read: Read, query: HistoryQuery): Promise<Found> {
  const { scope, projects, users, meters, resources, sources, since } = query;
  const columns = ['resource_id', 'counter_name', 'source', 'type', 'unit', 'project_id'] as const;
  const found = await read((db) =>
    matchingSeries(db, { scope, projects, users, meters, resources, sources })
      // A row is kept at least for the period of its last sample.
      .where(sql<boolean>`series.until >= ${BigInt(periodOf(toInt64(since)))}`)
      .select(columns)
      .distinct()
      .execute(),
  );
  const rolled = await read((db) => {
    let series = db
      .selectFrom('rollup_series')
      .innerJoin('rollup_owners', 'rollup_owners.series', 'rollup_series.id')
      .where(
        sql<boolean>`exists (select 1 from rollups where rollups.series = rollup_series.id and rollups.day >= ${dayOf(since)})`,
      )
      .select(columns)
      .distinct();
    const texts = { counter_name: meters, resource_id: resources, source: sources };
    for (const [column, wanted] of Object.entries({ ...texts, project_id: projects, user_id: users }))
      if (wanted !== undefined) series = series.where(isOneOf(column, wanted));
    return (scope === 'all' ? series : series.where(isOneOf('project_id', [scope.project]))).execute();
  });
  const keys = new Map<string, Map<string, SeriesKey>>();
  const names = { meters: new Set<string>(), projects: new Set<string | null>() };
  let count = 0;
  for (const row of [...found, ...rolled]) {
    const { resource_id: resourceId, counter_name: meter, source, type, unit } = row;
    const key = { source, meter, type, unit, resourceId };
    names.meters.add(meter);
    names.projects.add(row.project_id);
    const ofResource = keys.get(resourceId) ?? new Map<string, SeriesKey>();
    keys.set(resourceId, ofResource);
    const id = rolledSeriesId(key);
    if (!ofResource.has(id)) count += 1;
    ofResource.set(id, key);
  }
  return {
    keys: new Map(Array.from(keys, ([resource, some]) => [resource, [...some.values()]])),
    size: { found: { series: count, meters: names.meters.size, projects: names.projects.size } },
  };
}

function isOneOf(column: string, wanted: readonly (string | null)[]): RawBuilder<boolean> {
  const texts = wanted.filter((text) => text !== null).map(storable);
  const isOne =
    texts.length === 0 ? sql<boolean>`1 = 0` : sql<boolean>`${sql.ref(column)} in (${sql.join(texts)})`;
  return texts.length === wanted.length ? isOne : sql<boolean>`(${isOne} or ${sql.ref(column)} is null)`;
}

interface Reading {
  readonly read: Read;
  readonly table: SampleTable;
  readonly query: HistoryQuery;
  readonly state: State;
  readonly texts: Map<string, string | null>;
  /** Groups whose metadata are among `texts`. */
  readonly groups: Set<string>;
  readonly signal: AbortSignal;
  /** The earliest time from which samples were read. */
  oldestRead: bigint | undefined;
}

async function* historiesOf(reading: Reading, series: readonly SeriesKey[]): AsyncGenerator<HistoryPart> {
  const { read, query, state } = reading;
  const known = new Map(series.map((key) => [rolledSeriesId(key), key]));
  /** Those whose first sample at or after the end is still to come. */
  const open = new Map(known);
  if (state.rolled === null) return yield* samplesSince(reading, [...open.values()], undefined);
  const marks = await read((db) => marksOf(db, series));
  const days = await daysOf(reading, state.rolled, known, marks);
  for (const [id, key] of known) {
    const parts = partsOf(reading, state.rolled, key, days.get(id) ?? [], marks.get(id) ?? []);
    await withTexts(reading, parts);
    for (const part of parts) {
      let last: bigint | undefined;
      if ('state' in part) {
        yield spanPart(reading, key, part.state);
        last = part.state.last?.at;
      } else {
        readFrom(reading, part.start);
        for await (const sample of samplesOf(read, reading.table, filterOf(key, part.start, part.end))) {
          if (nameOf(sample) !== nameOf(key)) continue;
          yield sample;
          last = sample.timestamp;
        }
      }
      if (last === undefined || last < query.end) continue;
      open.delete(id);
      break;
    }
  }
  // Nothing is rolled up of types that there are no figures of: they are read from their beginning.
  const left = [...open.values()];
  const isRolled = ({ type }: SeriesKey) => isCounterType(type);
  yield* samplesSince(reading, left.filter(isRolled), state.rolled);
  yield* samplesSince(
    reading,
    left.filter((key) => !isRolled(key)),
    undefined,
  );
}

function readFrom(reading: Reading, start: bigint): void {
  if (reading.oldestRead === undefined || start < reading.oldestRead) reading.oldestRead = start;
}

/** What is not rolled up yet: of these series together, in the order of time, up to the first sample at or after the end of each. */
async function* samplesSince(
  reading: Reading,
  series: readonly SeriesKey[],
  start: bigint | undefined,
): AsyncGenerator<HistoryPart> {
  if (series.length === 0) return;
  const { read, table, query, signal } = reading;
  readFrom(reading, start ?? int64Range.min);
  /** The time of the first sample at or after the end, once it came: all that have it count. */
  const left = new Map<string, bigint | undefined>(series.map((key) => [nameOf(key), undefined]));
  const which = {
    scope: 'all' as const,
    resources: [...new Set(series.map(({ resourceId }) => resourceId))],
    meters: [...new Set(series.map(({ meter }) => meter))],
    start,
  };
  for await (const sample of samplesOf(read, table, which)) {
    signal.throwIfAborted();
    const name = nameOf(sample);
    if (!left.has(name)) continue;
    const ended = left.get(name);
    if (ended !== undefined && sample.timestamp > ended) {
      left.delete(name);
      if (left.size === 0) return;
      continue;
    }
    if (sample.timestamp >= query.end) left.set(name, sample.timestamp);
    yield sample;
  }
}

function nameOf({ source, meter, type, unit, resourceId }: SeriesKey): string {
  return JSON.stringify([source, meter, type, unit, resourceId]);
}

function filterOf({ source, meter, resourceId }: SeriesKey, start: bigint, end: bigint) {
  return { scope: 'all' as const, sources: [source], meters: [meter], resources: [resourceId], start, end };
}

/** Hours with late samples, by series. */
async function marksOf(db: Kysely<Schema>, series: readonly SeriesKey[]): Promise<Map<string, bigint[]>> {
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
async function daysOf(
  { read, query }: Reading,
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
      if (fits) addTo(found, id, { day, isWhole: true, spans: [span] });
      else if (hours !== null) addTo(found, id, { day, isWhole: false, spans: spansIn(hours, id, day) });
      else missing.push({ id, day });
    }
    for (const one of await hoursOf(read, missing))
      addTo(found, one.series, { day: one.day, isWhole: false, spans: spansIn(one.hours, one.series, one.day) });
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

type Part = { readonly state: SpanState } | { readonly start: bigint; readonly end: bigint };

/** The parts of a series that lie before `rolled`, in the order of time: neighbouring hours of samples are one. */
function partsOf(
  { query, state }: Reading,
  rolled: bigint,
  key: SeriesKey,
  days: readonly DayParts[],
  marks: readonly bigint[],
): Part[] {
  const parts: { readonly at: bigint; readonly part: Part }[] = [];
  const samples = (hour: bigint) => parts.push({ at: hour, part: { start: hour, end: hour + hourLength } });
  // What came after the samples of an hour were removed is not in figures.
  const late = new Set(marks.filter((hour) => hour < rolled && isThere(state, hour)));
  for (const { day, isWhole, spans } of days) {
    for (const { number, span } of spans) {
      const at = day * dayLength + BigInt(number) * hourLength;
      if (at >= rolled || late.has(at)) continue;
      const isWanted = !isUnrolled(span) && (isWhole || query.fits(at, at + hourLength, span.widest));
      if (isWanted) parts.push({ at, part: { state: span } });
      else if (isThere(state, at)) samples(at);
      else throw samplesRemoved(key, at);
    }
  }
  for (const hour of late) samples(hour);
  return merged(parts.sort((one, other) => (one.at < other.at ? -1 : 1)).map(({ part }) => part));
}

function fitsDay(query: HistoryQuery, day: bigint, widest: bigint): boolean {
  return query.fits(day * dayLength, (day + 1n) * dayLength, widest);
}

function addTo<Key, Value>(map: Map<Key, Value[]>, key: Key, value: Value): void {
  const values = map.get(key);
  if (values === undefined) map.set(key, [value]);
  else values.push(value);
}

/** Whether the samples of an hour are still there. */
function isThere({ removed }: State, hour: bigint): boolean {
  return removed === null || hour >= hourOf(removed);
}

function merged(parts: readonly Part[]): Part[] {
  const all: Part[] = [];
  for (const part of parts) {
    const newest = all.at(-1);
    if ('start' in part && newest !== undefined && 'start' in newest && newest.end === part.start)
      all[all.length - 1] = { start: newest.start, end: part.end };
    else all.push(part);
  }
  return all;
}

function samplesRemoved({ meter, resourceId }: SeriesKey, hour: bigint): NephoscopeError {
  return new NephoscopeError(
    'SAMPLES_REMOVED',
    `a part of the hour from ${formatTimestamp(hour)} is asked for, and the samples of ${meter} of ${resourceId} were removed: only whole hours (UTC) are left of it, with readings up to 20 minutes apart counted as usual`,
  );
}

/** The metadata that the groups of spans name. */
async function withTexts({ read, texts, groups }: Reading, parts: readonly Part[]): Promise<void> {
  const names = new Set<string>();
  for (const part of parts)
    if ('state' in part)
      for (const [group] of part.state.cells) {
        if (groups.has(group)) continue;
        groups.add(group);
        const { metadata } = groupParts(group);
        if (metadata !== null && !texts.has(metadata)) names.add(metadata);
      }
  for (const some of inParts([...names], askedAtOnce)) {
    const rows = await read((db) =>
      db
        .selectFrom('metadata')
        .select(['id', 'text'])
        .where(
          'id',
          'in',
          some.map((name): Reference => (name.includes('-') ? name : BigInt(name))),
        )
        .execute(),
    );
    for (const name of some) texts.set(name, null);
    for (const { id, text } of rows) texts.set(String(id), text);
  }
}

function spanPart({ texts }: Reading, series: SeriesKey, state: SpanState): RolledSpan {
  return {
    series,
    state,
    groupOf: (name) => {
      const { metadata, ...owner } = groupParts(name);
      return { ...owner, metadata: metadata === null ? null : (texts.get(metadata) ?? null) };
    },
  };
}

const min = (one: bigint, other: bigint) => (one < other ? one : other);
