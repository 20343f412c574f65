import { NephoscopeError, formatTimestamp } from '@nephoscope/core';
import type { HistoryPart, HistoryQuery, RolledSpan, SeriesKey } from '@nephoscope/core/sample-store';
import { isCounterType } from '@nephoscope/statistics';
import type { SpanState } from '@nephoscope/statistics';
import { sql } from 'kysely';
import type { Kysely } from 'kysely';

import { askedAtOnce, inParts } from '../in-parts.js';
import { int64Range } from '../int64.js';
import { isUnrolled } from '../rollups/day-spans.js';
import { dayLength, hourLength, hourOf } from '../rollups/hours.js';
import { groupParts, rolledSeriesId } from '../rollups/series-id.js';
import type { Reference, Schema } from '../schema.js';
import { seriesOf } from './history-series.js';
import { daysOf, marksOf } from './rolled-days.js';
import type { DayParts } from './rolled-days.js';
import { samplesOf } from './sample-pages.js';
import type { Read } from './sample-pages.js';
import type { SampleTable } from './sample-table.js';

/** Resources that are read together: few queries, and little in memory. */
const resourcesAtOnce = 50;

interface State {
  readonly rolled: bigint | null;
  readonly removed: bigint | null;
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
  const days = await daysOf(read, query, state.rolled, known, marks);
  const groupOf = groupsIn(reading);
  for (const [id, key] of known) {
    const parts = partsOf(reading, state.rolled, key, days.get(id) ?? [], marks.get(id) ?? []);
    await withTexts(reading, parts);
    for (const part of parts) {
      let last: bigint | undefined;
      if ('states' in part) {
        const ended = part.states.findIndex((state) => state.last !== undefined && state.last.at >= query.end);
        const states = ended === -1 ? part.states : part.states.slice(0, ended + 1);
        yield { series: key, states, groupOf };
        last = states.at(-1)?.last?.at;
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

type Part = { readonly states: readonly SpanState[] } | { readonly start: bigint; readonly end: bigint };

/** The parts of a series that lie before `rolled`, in the order of time: spans in a row are one, and neighbouring hours of samples. */
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
    for (const { number, span } of spans()) {
      const at = day * dayLength + BigInt(number) * hourLength;
      if (at >= rolled || late.has(at)) continue;
      const isWanted = !isUnrolled(span) && (isWhole || query.fits(at, at + hourLength, span.widest));
      if (isWanted) parts.push({ at, part: { states: [span] } });
      else if (isThere(state, at)) samples(at);
      else throw samplesRemoved(key, at);
    }
  }
  for (const hour of late) samples(hour);
  return merged(parts.sort((one, other) => (one.at < other.at ? -1 : 1)).map(({ part }) => part));
}

/** Whether the samples of an hour are still there. */
function isThere({ removed }: State, hour: bigint): boolean {
  return removed === null || hour >= hourOf(removed);
}

function merged(parts: readonly Part[]): Part[] {
  const all: Part[] = [];
  let spans: SpanState[] | undefined;
  for (const part of parts) {
    if ('states' in part) {
      if (spans === undefined) all.push({ states: (spans = []) });
      spans.push(...part.states);
      continue;
    }
    spans = undefined;
    const newest = all.at(-1);
    if (newest !== undefined && 'start' in newest && newest.end === part.start)
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
    if ('states' in part)
      for (const { cells } of part.states)
        for (const [group] of cells) {
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

function groupsIn({ texts }: Reading): RolledSpan['groupOf'] {
  return (name) => {
    const { metadata, ...owner } = groupParts(name);
    return { ...owner, metadata: metadata === null ? null : (texts.get(metadata) ?? null) };
  };
}
