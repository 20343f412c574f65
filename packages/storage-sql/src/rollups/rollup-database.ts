import { setImmediate as nextTurn } from 'node:timers/promises';

import type { SeriesKey } from '@nephoscope/core/sample-store';
import { sql } from 'kysely';
import type { Kysely, RawBuilder } from 'kysely';

import { askedAtOnce, inParts } from '../in-parts.js';
import type { Read } from '../reading/sample-pages.js';
import type { SampleTable } from '../reading/sample-table.js';
import type { Reference, Schema } from '../schema.js';
import type { DayRow } from './day-spans.js';
import { dayOf } from './hours.js';
import { ownerId, rolledSeriesId } from './series-id.js';
import { turnLost } from './statements.js';
import type { RollupStatement } from './statements.js';

/** What a roller needs of a database. */
export interface RollupAccess {
  /** Reads ends with the signal's reason when it is aborted. */
  read(signal: AbortSignal): Read;
  readonly table: SampleTable;
  /** Executes all in one transaction. @returns false if the first one changed no row: then nothing is changed */
  write(statements: readonly RollupStatement[]): Promise<boolean>;
}

export interface RollupState {
  /** Counts the changes: ours are only made as long as nobody else makes some. */
  turn: bigint;
  rolled: bigint | null;
  marked: bigint | null;
  removed: bigint | null;
}

export interface SampleRow {
  readonly id: bigint;
  readonly series_id: Reference;
  readonly timestamp: bigint;
  readonly volume: string;
  readonly metadata_id: Reference | null;
  readonly key: Uint8Array | string;
  readonly message_id: string | null;
}

/** What a row of `series` says of its samples. */
export interface SeriesRowOf {
  readonly key: SeriesKey;
  readonly projectId: string | null;
  readonly userId: string | null;
  readonly epoch: string | null;
}

export interface DayOfSeries {
  readonly series: string;
  readonly day: bigint;
}

export interface WrittenDay extends DayOfSeries, DayRow {
  readonly key: SeriesKey;
  readonly owners: readonly (readonly [projectId: string | null, userId: string | null])[];
  readonly metadata: readonly Reference[];
}

/** Rows of samples that are read at once, and days that are written at once: others wait that long. */
const samplesAtOnce = 2_000;
export const rowsAtOnce = 200;
/** Rows that rollups name are kept. */
const forever = 2_147_483_647;

/** The tables as the roller sees them, in one turn. */
export class RollupDatabase {
  readonly #access: RollupAccess;
  readonly #signal: AbortSignal;
  readonly #read: Read;
  readonly #series = new Map<Reference, SeriesRowOf>();

  constructor(access: RollupAccess, signal: AbortSignal) {
    this.#access = access;
    this.#signal = signal;
    this.#read = access.read(signal);
  }

  async state(): Promise<RollupState> {
    const { rows } = await this.#read((db) =>
      sql<RollupState>`select turn, rolled, marked, removed from rollup_state, retention`.execute(db),
    );
    // In the middle of a restore there is none.
    return rows[0] ?? { turn: -1n, rolled: null, marked: null, removed: null };
  }

  /** The time of the first sample at or after a time. */
  async nextSample(time: bigint | undefined): Promise<bigint | undefined> {
    const since = time === undefined ? sql`` : sql`where timestamp >= ${time}`;
    return await this.#time(sql`select min(timestamp) as time from samples ${since}`);
  }

  async newestSample(): Promise<bigint | undefined> {
    return await this.#time(sql`select max(timestamp) as time from samples`);
  }

  async #time(query: RawBuilder<unknown>): Promise<bigint | undefined> {
    const { rows } = await this.#read((db) => sql<{ time: bigint | null }>`${query}`.execute(db));
    return rows[0]?.time ?? undefined;
  }

  /** All of a time, in its order. */
  samples(start: bigint, end: bigint): AsyncGenerator<readonly SampleRow[]> {
    return this.#pages(sql`samples where true`, 'samples', start, end);
  }

  /** Those of one series. */
  async *samplesOf(key: SeriesKey, start: bigint, end: bigint): AsyncGenerator<readonly SampleRow[]> {
    const ids = await this.#read((db) =>
      db
        .selectFrom('series')
        .select('id')
        .where('resource_id', '=', key.resourceId)
        .where('counter_name', '=', key.meter)
        .where('source', '=', key.source)
        .where('type', '=', key.type)
        .where('unit', key.unit === null ? 'is' : '=', key.unit)
        .execute(),
    );
    const { ofSeries } = this.#access.table;
    const each = ids.map(
      ({ id }) => sql`select s.* from ${ofSeries(sql`${id}`)}
      and s.timestamp >= ${start} and s.timestamp < ${end}`,
    );
    if (each.length === 0) return;
    const rows: SampleRow[] = [];
    // SQLite takes 500 parts of a compound at most.
    for (const some of inParts(each, 100))
      for await (const page of this.#pages(
        sql`(${sql.join(some, sql` union all `)}) as samples where true`,
        'samples',
        start,
        end,
      ))
        rows.push(...page);
    rows.sort((one, other) => (one.timestamp < other.timestamp ? -1 : one.timestamp > other.timestamp ? 1 : 0));
    yield rows;
  }

  async *#pages(
    source: RawBuilder<unknown>,
    name: string,
    start: bigint,
    end: bigint,
  ): AsyncGenerator<readonly SampleRow[]> {
    let after = { timestamp: start, id: -(2n ** 63n) };
    for (;;) {
      const { volume } = this.#access.table;
      const { rows } = await this.#read((db) =>
        sql<SampleRow>`
          select samples.id, samples.series_id, samples.timestamp, ${volume} as volume, samples.metadata_id, samples.key,
            samples.message_id
          from ${source} and samples.timestamp >= ${after.timestamp} and samples.timestamp < ${end}
            and (samples.timestamp, samples.id) > (${after.timestamp}, ${after.id})
          order by samples.timestamp, samples.id limit ${samplesAtOnce}`.execute(db),
      );
      if (rows.length > 0) yield rows;
      const last = rows.at(-1);
      if (last === undefined || rows.length < samplesAtOnce) return;
      after = { timestamp: last.timestamp, id: last.id };
      await nextTurn();
      this.#signal.throwIfAborted();
    }
  }

  /** The rows of `series` with these ids, as far as they exist. */
  async seriesOf(ids: readonly Reference[]): Promise<ReadonlyMap<Reference, SeriesRowOf>> {
    const missing = [...new Set(ids)].filter((id) => !this.#series.has(id));
    for (const some of inParts(missing, askedAtOnce)) {
      const rows = await this.#read((db) => db.selectFrom('series').selectAll().where('id', 'in', some).execute());
      for (const row of rows) {
        const { source, counter_name: meter, type, unit, resource_id: resourceId } = row;
        this.#series.set(row.id, {
          key: { source, meter, type, unit, resourceId },
          ...{ projectId: row.project_id, userId: row.user_id, epoch: row.epoch },
        });
      }
    }
    return this.#series;
  }

  async marks(limit: number) {
    const rows = await this.#read((db) =>
      db.selectFrom('rollup_marks').selectAll().orderBy('hour').orderBy('id').limit(limit).execute(),
    );
    const series = await this.seriesOf(rows.map((row) => row.series_id));
    return rows.map(({ id, hour, series_id }) => ({ id, hour, series: series.get(series_id) }));
  }

  /** What is there of a day of these series, in their order. */
  async rows(day: bigint, series: readonly string[]): Promise<(DayRow | undefined)[]> {
    const found = new Map<string, DayRow>();
    for (const some of inParts(series, askedAtOnce)) {
      const rows = await this.#read((db) =>
        db
          .selectFrom('rollups')
          .selectAll()
          .where('series', 'in', [...some])
          .where('day', '=', day)
          .execute(),
      );
      for (const { series: id, hours, whole } of rows) found.set(id, { hours, whole });
    }
    return series.map((id) => found.get(id));
  }

  /** All of a day. */
  async rowsOf(day: bigint): Promise<Map<string, DayRow>> {
    const rows = await this.#read((db) => db.selectFrom('rollups').selectAll().where('day', '=', day).execute());
    return new Map(rows.map(({ series, hours, whole }) => [series, { hours, whole }]));
  }

  async keysOf(ids: readonly string[]): Promise<SeriesKey[]> {
    const keys: SeriesKey[] = [];
    for (const some of inParts(ids, askedAtOnce)) {
      const rows = await this.#read((db) =>
        db
          .selectFrom('rollup_series')
          .selectAll()
          .where('id', 'in', [...some])
          .execute(),
      );
      for (const { source, counter_name: meter, type, unit, resource_id: resourceId } of rows)
        keys.push({ source, meter, type, unit, resourceId });
    }
    return keys;
  }

  /** The series with late samples in this time. */
  async markedBetween(start: bigint, end: bigint): Promise<Set<string>> {
    const rows = await this.#read((db) =>
      db
        .selectFrom('rollup_marks')
        .select('series_id')
        .where('hour', '>=', start)
        .where('hour', '<', end)
        .execute(),
    );
    const series = await this.seriesOf(rows.map((row) => row.series_id));
    return new Set(
      rows.flatMap(({ series_id }) => {
        const key = series.get(series_id)?.key;
        return key === undefined ? [] : [rolledSeriesId(key)];
      }),
    );
  }

  async begin(state: RollupState, rolled: bigint): Promise<void> {
    await this.#change(state, (db) => [
      db.updateTable('rollup_state').set({ rolled }),
      db.updateTable('retention').set({ marked: rolled }),
    ]);
    state.rolled = rolled;
    state.marked = rolled;
  }

  /** From now on, samples before this time leave marks. It waits for batches in progress. */
  async mark(state: RollupState, marked: bigint): Promise<void> {
    if (state.marked !== null && state.marked >= marked) return;
    await this.#change(state, (db) => [db.updateTable('retention').set({ marked })]);
    state.marked = marked;
  }

  async advance(state: RollupState, rolled: bigint): Promise<void> {
    await this.#change(state, (db) => [db.updateTable('rollup_state').set({ rolled })]);
    state.rolled = rolled;
  }

  /** What is rolled up from a time on, a full day or the first hour of all. */
  async discard(state: RollupState, from: bigint): Promise<void> {
    await this.#change(state, (db) => [
      db.updateTable('rollup_state').set({ rolled: from }),
      db.deleteFrom('rollups').where('day', '>=', dayOf(from)),
    ]);
    state.rolled = from;
  }

  /** @param marks ids of marks that are worked off */
  async write(state: RollupState, days: readonly WrittenDay[], marks: readonly bigint[]): Promise<void> {
    const series = [...new Map(days.map((day) => [day.series, day.key]))];
    const owners = days.flatMap((day) =>
      day.owners.map(([projectId, userId]) => ({
        ...{ id: ownerId(day.series, projectId, userId), series: day.series },
        ...{ project_id: projectId, user_id: userId },
      })),
    );
    const metadata = [...new Set(days.flatMap((day) => day.metadata))];
    await this.#change(state, (db) => [
      ...parted(series, (some) =>
        db
          .insertInto('rollup_series')
          .values(
            some.map(([id, { source, meter, type, unit, resourceId }]) => ({
              ...{ id, source, type, unit, resource_id: resourceId, counter_name: meter },
            })),
          )
          .onConflict((conflict) => conflict.doNothing()),
      ),
      ...parted(distinctById(owners), (some) =>
        db
          .insertInto('rollup_owners')
          .values([...some])
          .onConflict((conflict) => conflict.doNothing()),
      ),
      ...parted(metadata, (some) =>
        db
          .updateTable('metadata')
          .set({ until: BigInt(forever) })
          .where('id', 'in', [...some])
          .where('until', '<', BigInt(forever)),
      ),
      ...parted(days, (some) =>
        db
          .insertInto('rollups')
          .values(
            some.map(({ series: id, day, hours, whole }) => ({
              ...{ series: id, day, hours: Buffer.from(hours), whole: Buffer.from(whole) },
            })),
          )
          .onConflict((conflict) =>
            conflict.columns(['series', 'day']).doUpdateSet((eb) => ({
              hours: eb.ref('excluded.hours'),
              whole: eb.ref('excluded.whole'),
            })),
          ),
      ),
      ...parted(marks, (some) => db.deleteFrom('rollup_marks').where('id', 'in', [...some])),
    ]);
  }

  /** @throws STORE_BUSY if another program has changed something since the state was read */
  async #change(state: RollupState, changes: (db: Kysely<Schema>) => readonly Compilable[]): Promise<void> {
    this.#signal.throwIfAborted();
    const statements = await this.#read((db) => {
      const turn = db
        .updateTable('rollup_state')
        .set({ turn: state.turn + 1n })
        .where('turn', '=', state.turn);
      return Promise.resolve(
        [turn, ...changes(db)].map((query) => {
          const { sql: text, parameters } = query.compile();
          return { text, parameters };
        }),
      );
    });
    if (!(await this.#access.write(statements))) throw turnLost();
    state.turn += 1n;
  }
}

interface Compilable {
  compile(): { readonly sql: string; readonly parameters: readonly unknown[] };
}

function parted<T>(items: readonly T[], make: (some: readonly T[]) => Compilable): Compilable[] {
  return [...inParts(items, askedAtOnce)].map(make);
}

function distinctById<T extends { readonly id: string }>(items: readonly T[]): T[] {
  return [...new Map(items.map((item) => [item.id, item])).values()];
}
