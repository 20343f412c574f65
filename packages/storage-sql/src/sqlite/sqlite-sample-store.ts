import { setImmediate as nextTurn } from 'node:timers/promises';

import { Mutex, NephoscopeError } from '@nephoscope/core';
import type {
  Health,
  MeterSummary,
  PluginSettings,
  RecordResult,
  ResourceSummary,
  Sample,
  SampleFilter,
  SampleStore,
} from '@nephoscope/core';
import { sql } from 'kysely';
import type { Kysely } from 'kysely';

import { migrate } from '../migrate.js';
import { int64Range } from '../filter.js';
import { samplePages } from '../sample-pages.js';
import type { SampleTable } from '../sample-table.js';
import type { Schema } from '../schema.js';
import { meterSummaries, resourceSummaries } from '../summaries.js';
import { chunkOf } from './chunk.js';
import { closeSqlite, isLocked, openSqlite, sqlitePath, storeError } from './connection.js';
import type { SqliteConnection } from './connection.js';
import { migrations } from './migrations.js';
import { Recorder } from './recorder.js';

const lockPatienceNs = 5_000_000_000n;
const lockRetryMs = 20;

/** So many are removed while others wait. */
const removedAtOnce = 1_000;

const uuidOfKey = sql.join(
  [
    [1, 8],
    [9, 4],
    [13, 4],
    [17, 4],
    [21, 12],
  ].map(([from, length]) => sql`substr(lower(hex(samples.key)), ${sql.lit(from)}, ${sql.lit(length)})`),
  sql` || '-' || `,
);
const table: SampleTable = {
  messageId: sql<string>`coalesce(samples.message_id, ${uuidOfKey})`,
  volume: sql.ref('samples.volume'),
  // Chunk by chunk, each in the order of its index: the planner must not begin with the samples.
  ofSeries: (series) =>
    sql`chunks cross join samples as s where ${chunkOf(sql`s.id`)} = chunks.number and s.series_id = ${series}`,
};

type Settings = Pick<PluginSettings<unknown>, 'logger' | 'clock'>;

interface Opened {
  readonly connection: SqliteConnection;
  readonly recorder: Recorder;
}

export class SqliteSampleStore implements SampleStore {
  readonly #settings: Settings;
  readonly #path: string;
  #opened: Opened | undefined;
  #health: Health = { ok: false, reason: 'not started' };
  /** One after the other: what is going on ends before the store is stopped. */
  readonly #turn = new Mutex();

  /** @param url `sqlite:` and a path, or `sqlite::memory:` */
  constructor(url: string, settings: Settings) {
    this.#settings = settings;
    this.#path = sqlitePath(url);
  }

  start(signal: AbortSignal): Promise<void> {
    return this.#turn.run(async () => {
      signal.throwIfAborted();
      if (this.#opened !== undefined) return;
      this.#opened = await this.#patiently(() => open(this.#path), signal);
      this.#settings.logger.info({ path: this.#path }, 'the sample store is open');
    });
  }

  stop(): Promise<void> {
    return this.#turn.run(async () => {
      const opened = this.#opened;
      this.#opened = undefined;
      this.#health = { ok: false, reason: 'not started' };
      if (opened === undefined) return;
      try {
        closeSqlite(opened.connection);
      } catch (err) {
        const message = 'the log of the sample store was not written back; this is done at its next start';
        this.#settings.logger.warn({ err, path: this.#path }, message);
      }
    });
  }

  record(samples: readonly Sample[]): Promise<RecordResult> {
    return this.#turn.run(() => this.#patiently(() => this.#open().recorder.record(samples)));
  }

  async removeBefore(time: bigint): Promise<number> {
    // A time beyond 64 bits is after all that is stored, or before.
    const end = time < int64Range.min ? int64Range.min : time > int64Range.max ? int64Range.max : time;
    let removed = 0;
    for (;;) {
      const count = await this.#turn.run(() =>
        this.#patiently(() => this.#open().recorder.removeBefore(end, removedAtOnce)),
      );
      removed += count;
      if (count < removedAtOnce) return removed;
      await nextTurn();
    }
  }

  async *samples(
    filter: SampleFilter,
    options: Parameters<SampleStore['samples']>[1] = {},
  ): AsyncGenerator<Sample> {
    const order = { newestFirst: options.newestFirst ?? false, limit: options.limit ?? Number.POSITIVE_INFINITY };
    for await (const page of samplePages((query) => this.#read(query), newestId, table, filter, order)) {
      yield* page;
      // libsql's answers are there at once: without this, a long stream would keep everyone else waiting.
      await nextTurn();
    }
  }

  meters(filter: SampleFilter): Promise<readonly MeterSummary[]> {
    return this.#read((db) => meterSummaries(db, table, filter));
  }

  resources(filter: SampleFilter): Promise<readonly ResourceSummary[]> {
    return this.#read((db) => resourceSummaries(db, table, filter));
  }

  health(): Health {
    return this.#health;
  }

  #open(): Opened {
    if (this.#opened === undefined) {
      throw new NephoscopeError(
        'STORE_UNAVAILABLE',
        `${this.#path} is not open: the store was not started or is stopped`,
      );
    }
    return this.#opened;
  }

  #read<T>(query: (db: Kysely<Schema>) => Promise<T>): Promise<T> {
    return this.#turn.run(() => this.#patiently(() => query(this.#open().connection.db)));
  }

  /** Does it, again and again while another program holds the lock; tells the outcome to {@link health}. */
  async #patiently<T>(work: () => T | Promise<T>, signal?: AbortSignal): Promise<T> {
    const { clock } = this.#settings;
    const deadline = clock.monotonic() + lockPatienceNs;
    for (;;) {
      try {
        const result = await work();
        this.#health = { ok: true };
        return result;
      } catch (error) {
        if (isLocked(error) && clock.monotonic() < deadline) {
          await clock.sleep(lockRetryMs, signal);
          continue;
        }
        const failure = storeError(error, this.#path);
        if (failure === undefined) throw error;
        this.#health = { ok: false, reason: failure.message };
        throw failure;
      }
    }
  }
}

async function open(path: string): Promise<Opened> {
  const connection = openSqlite(path);
  try {
    const tables = await connection.db.introspection.getTables({ withInternalKyselyTables: true });
    await migrate(
      connection.db,
      path,
      migrations,
      tables.map(({ name }) => name),
    );
    return { connection, recorder: new Recorder(connection) };
  } catch (error) {
    connection.sqlite.close();
    throw error;
  }
}

async function newestId(db: Kysely<Schema>): Promise<bigint> {
  const row = await db
    .selectFrom('samples')
    .select((eb) => eb.fn.max('id').as('id'))
    .executeTakeFirst();
  return BigInt(row?.id ?? 0n);
}
