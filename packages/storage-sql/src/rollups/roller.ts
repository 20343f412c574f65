import { isDeepStrictEqual } from 'node:util';

import type { CounterType } from '@nephoscope/core';
import type { RollupCheck, RollupTurn, Rollups, SeriesKey } from '@nephoscope/core/sample-store';
import type { NumberedSpan } from '@nephoscope/statistics';
import { decodeSpans, isCounterType } from '@nephoscope/statistics';

import { inParts } from '../in-parts.js';
import { DayBuilder, withHours } from './day-spans.js';
import type { DayRow } from './day-spans.js';
import { dayLength, dayOf, hourLength, hourOf } from './hours.js';
import { RollupDatabase, rowsAtOnce } from './rollup-database.js';
import type {
  DayOfSeries,
  RollupAccess,
  RollupState,
  SampleRow,
  SeriesRowOf,
  WrittenDay,
} from './rollup-database.js';
import { groupName, rolledSeriesId } from './series-id.js';

/** Spans in memory at once: as many hours of a backlog are rolled up together as have about so many. */
const spansAtOnce = 40_000;
/** How often a day is compared again that was changed meanwhile. */
const attempts = 5;
/** Marks that are worked off in a turn. */
const marksAtOnce = 1_000;

/** A day of a series that is being made. */
interface Making extends DayOfSeries {
  readonly key: SeriesKey;
  readonly type: CounterType;
  readonly builder: DayBuilder;
  readonly owners: Map<string, readonly [projectId: string | null, userId: string | null]>;
  readonly metadata: Set<bigint | string>;
  /** The group of the latest sample. */
  newest: Grouped | undefined;
}

interface Grouped {
  readonly projectId: string | null;
  readonly userId: string | null;
  readonly metadata: bigint | string | null;
  readonly name: string;
}

/**
 * Rolls samples up, in turns. What it needs to know is in the database: how far it has come (`rolled`), from when on recording marks
 * the hours of late samples (`marked`), and these marks. The order of steps makes it safe to end at any moment:
 *
 * 1. `marked` moves to the end of the hours that are next. Batches that were committed before are read below; later ones leave marks.
 * 2. The hours are read, and the rows of their days are written, in several transactions.
 * 3. `rolled` moves: from now on readers use these rows. Before, they read the samples; if the roller ends, it begins with 2 again.
 *
 * A day that is made again because of marks is written, and the marks that were read are removed, in one transaction.
 */
export class Roller implements Rollups {
  readonly #access: RollupAccess;
  /** How many series had samples in an hour lately. */
  #seriesPerHour = spansAtOnce;

  constructor(access: RollupAccess) {
    this.#access = access;
  }

  async turn(time: bigint, signal: AbortSignal): Promise<RollupTurn> {
    const database = new RollupDatabase(this.#access, signal);
    const state = await database.state();
    const marks = await this.#redo(database, state);
    const forward = await this.#forward(database, state, time);
    return {
      rolledBefore: forward.rolled,
      samples: marks.samples + forward.samples,
      spans: marks.spans + forward.spans,
      leftOut: marks.leftOut,
      isMore: forward.isMore || marks.isMore,
    };
  }

  async rebuild(signal: AbortSignal): Promise<void> {
    const database = new RollupDatabase(this.#access, signal);
    const state = await database.state();
    const oldest = await database.nextSample(undefined);
    if (state.rolled === null || oldest === undefined) return;
    const kept = state.removed !== null && state.removed > oldest ? state.removed : oldest;
    // Days of which samples were removed are only in the rollups.
    const from = state.removed === null ? hourOf(oldest) : dayOf(kept + dayLength - 1n) * dayLength;
    if (from >= state.rolled) return;
    await database.discard(state, from);
  }

  async *check(signal: AbortSignal): AsyncGenerator<RollupCheck> {
    const database = new RollupDatabase(this.#access, signal);
    const { rolled, removed } = await database.state();
    const oldest = await database.nextSample(undefined);
    if (rolled === null || oldest === undefined) return;
    let day = removed === null || removed < oldest ? dayOf(oldest) : dayOf(removed + dayLength - 1n);
    while ((day + 1n) * dayLength <= rolled) {
      yield await this.#compare(database, day);
      const next = await database.nextSample((day + 1n) * dayLength);
      if (next === undefined) return;
      day = dayOf(next);
    }
  }

  async #compare(database: RollupDatabase, day: bigint): Promise<RollupCheck> {
    const start = day * dayLength;
    for (let attempt = 1; ; attempt++) {
      const { turn } = await database.state();
      const days = new Days(day);
      for await (const page of database.samples(start, start + dayLength)) await days.add(database, page);
      const made = new Map(Array.from(days.all(), (making) => [making.series, making]));
      const stored = await database.rowsOf(day);
      const late = await database.markedBetween(start, start + dayLength);
      const different = [...made.values()].filter(({ series, builder, type }) => {
        if (late.has(series)) return false;
        return !isSameDay(
          withHours(undefined, builder.finish(), () => false, type, day),
          stored.get(series),
          type,
          day,
        );
      });
      const extra = [...stored.keys()].filter((id) => !made.has(id) && !late.has(id));
      const keys = [...different.map(({ key }) => key), ...(await database.keysOf(extra))];
      const checked = made.size + extra.length;
      // They may differ only because late samples were rolled up meanwhile.
      if (keys.length === 0 || attempt === attempts || (await database.state()).turn === turn)
        return { day: start, checked, different: keys };
    }
  }

  /** The hours from `rolled` on, up to a full hour no later than `time` and the newest sample. */
  async #forward(database: RollupDatabase, state: RollupState, time: bigint) {
    const done = { samples: 0, spans: 0, isMore: false };
    const newest = await database.newestSample();
    if (newest === undefined) return { ...done, rolled: state.rolled ?? undefined };
    // A clock that is ahead, here or at a publisher, makes nothing old.
    const target = hourOf(time < newest ? time : newest);
    const rolled = state.rolled ?? hourOf((await database.nextSample(undefined)) ?? newest);
    if (state.rolled === null) await database.begin(state, rolled);
    if (target <= rolled) return { ...done, rolled };
    const next = await database.nextSample(rolled);
    const from = next === undefined || next >= target ? target : hourOf(next);
    if (from >= target) {
      await database.mark(state, target);
      await database.advance(state, target);
      return { ...done, rolled: target };
    }
    const hours = BigInt(Math.max(1, Math.floor(spansAtOnce / this.#seriesPerHour)));
    const day = dayOf(from);
    const to = [from + hours * hourLength, (day + 1n) * dayLength, target].reduce(least);
    await database.mark(state, to);
    const days = new Days(day);
    let samples = 0;
    for await (const page of database.samples(from, to)) {
      await days.add(database, page);
      samples += page.length;
    }
    const [first, last] = [hourNumber(from), hourNumber(to - 1n)];
    const spans = await this.#write(database, state, days, (hour) => hour >= first && hour <= last);
    await database.advance(state, to);
    this.#seriesPerHour = Math.max(1, Math.ceil(spans / (last - first + 1)));
    return { samples, spans, rolled: to, isMore: to < target };
  }

  async #write(
    database: RollupDatabase,
    state: RollupState,
    days: Days,
    isReplaced: (hour: number) => boolean,
  ): Promise<number> {
    let spans = 0;
    for (const some of inParts([...days.all()], rowsAtOnce)) {
      const before = await database.rows(
        days.day,
        some.map(({ series }) => series),
      );
      const written = some.map((making, at) => {
        const made = making.builder.finish();
        spans += made.length;
        return writtenDay(making, before[at], made, isReplaced);
      });
      await database.write(state, written, []);
    }
    return spans;
  }

  /** The hours of late samples. */
  async #redo(database: RollupDatabase, state: RollupState) {
    const done = { samples: 0, spans: 0, leftOut: 0 };
    if (state.rolled === null) return { ...done, isMore: false };
    const marks = await database.marks(marksAtOnce);
    const byDay = new Map<string, { day: bigint; key: SeriesKey; hours: Set<bigint>; marks: bigint[] }>();
    const dropped: bigint[] = [];
    for (const { id, hour, series } of marks) {
      // Hours that are not rolled up yet are read when they are; a series without samples has nothing to roll up.
      if (hour >= state.rolled || series === undefined || !isCounterType(series.key.type)) {
        dropped.push(id);
        continue;
      }
      const day = dayOf(hour);
      const name = `${rolledSeriesId(series.key)} ${day}`;
      const one = byDay.get(name) ?? { day, key: series.key, hours: new Set<bigint>(), marks: [] };
      byDay.set(name, one);
      one.hours.add(hour);
      one.marks.push(id);
    }
    const written: WrittenDay[] = [];
    const workedOff = dropped;
    for (const one of byDay.values()) {
      const days = new Days(one.day);
      const making = days.of(one.key);
      const [row] = await database.rows(one.day, [making.series]);
      const redone = new Set<number>();
      for (const hour of [...one.hours].sort(ascending)) {
        // The samples that the hour was made of may be gone: what it says is kept.
        const isKept = state.removed !== null && hour < hourOf(state.removed);
        if (isKept && hasHour(row, hour, making)) {
          done.leftOut += 1;
          continue;
        }
        redone.add(hourNumber(hour));
        for await (const page of database.samplesOf(one.key, hour, hour + hourLength)) {
          await days.add(database, page);
          done.samples += page.length;
        }
      }
      const made = making.builder.finish();
      done.spans += made.length;
      if (redone.size > 0) written.push(writtenDay(making, row, made, (hour) => redone.has(hour)));
      workedOff.push(...one.marks);
      if (written.length < rowsAtOnce) continue;
      await database.write(state, written.splice(0), workedOff.splice(0));
    }
    if (workedOff.length > 0) await database.write(state, written, workedOff);
    return { ...done, isMore: marks.length === marksAtOnce };
  }
}

/** The days of series that samples are gathered to, all of one date. */
class Days {
  readonly day: bigint;
  readonly #days = new Map<string, Making>();
  readonly #ofSeries = new Map<bigint | string, Making | undefined>();

  constructor(day: bigint) {
    this.day = day;
  }

  of(key: SeriesKey): Making {
    const series = rolledSeriesId(key);
    let making = this.#days.get(series);
    if (making === undefined) {
      const type = key.type as CounterType;
      const builder = new DayBuilder(type, this.day);
      const gathered = {
        owners: new Map<string, readonly [string | null, string | null]>(),
        metadata: new Set<bigint | string>(),
        newest: undefined,
      };
      this.#days.set(series, (making = { series, day: this.day, key, type, builder, ...gathered }));
    }
    return making;
  }

  all(): Iterable<Making> {
    return this.#days.values();
  }

  async add(database: RollupDatabase, rows: readonly SampleRow[]): Promise<void> {
    const known = await database.seriesOf(rows.map((row) => row.series_id));
    for (const row of rows) {
      const series = known.get(row.series_id);
      // Figures of another type are refused: there is nothing to roll up.
      if (series === undefined || !isCounterType(series.key.type)) continue;
      let making = this.#ofSeries.get(row.series_id);
      if (making === undefined) this.#ofSeries.set(row.series_id, (making = this.of(series.key)));
      addTo(making, row, series);
    }
  }
}

function addTo(making: Making, row: SampleRow, { projectId, userId, epoch }: SeriesRowOf): void {
  const { timestamp, volume, metadata_id: metadata } = row;
  let { newest } = making;
  // Nearly always that of the sample before.
  if (newest?.projectId !== projectId || newest.userId !== userId || newest.metadata !== metadata) {
    newest = { projectId, userId, metadata, name: groupName(projectId, userId, metadata) };
    making.newest = newest;
    making.owners.set(JSON.stringify([projectId, userId]), [projectId, userId]);
    if (metadata !== null) making.metadata.add(metadata);
  }
  const id = () => row.message_id ?? uuidText(row.key);
  making.builder.add({ timestamp, volume, epoch, group: newest.name, id });
}

function uuidText(key: Uint8Array | string): string {
  if (typeof key === 'string') return key;
  const hex = Buffer.from(key).toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

function writtenDay(
  { series, day, key, type, owners, metadata }: Making,
  before: DayRow | undefined,
  made: readonly NumberedSpan[],
  isReplaced: (hour: number) => boolean,
): WrittenDay {
  const row = withHours(before, made, isReplaced, type, day);
  return { series, day, key, owners: [...owners.values()], metadata: [...metadata], ...row };
}

function isSameDay(one: DayRow, other: DayRow | undefined, type: CounterType, day: bigint): boolean {
  if (other === undefined) return false;
  const spans = (bytes: Uint8Array) => decodeSpans(bytes, type, day * dayLength);
  return (
    isDeepStrictEqual(spans(one.hours), spans(other.hours)) &&
    isDeepStrictEqual(spans(one.whole), spans(other.whole))
  );
}

function hasHour(row: DayRow | undefined, hour: bigint, { type, day }: Making): boolean {
  return row !== undefined && hoursOf(row, type, day).some(({ number }) => number === hourNumber(hour));
}

function hoursOf(row: DayRow, type: CounterType, day: bigint): NumberedSpan[] {
  return decodeSpans(row.hours, type, day * dayLength);
}

function hourNumber(time: bigint): number {
  return Number((time - dayOf(time) * dayLength) / hourLength);
}

const least = (one: bigint, other: bigint) => (one < other ? one : other);
const ascending = (one: bigint, other: bigint) => (one < other ? -1 : 1);
