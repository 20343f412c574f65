import { Mutex } from '@nephoscope/async';
import { NephoscopeError } from '@nephoscope/core';
import type {
  Health,
  MeterSummary,
  PluginSettings,
  RecordResult,
  ResourceSummary,
  Sample,
  SampleFilter,
  SampleStore,
  StoreOpening,
} from '@nephoscope/core';
import { Kysely, PostgresDialect, sql } from 'kysely';

import { int64Range } from '../filter.js';
import { askedAtOnce, inParts } from '../in-parts.js';
import { samplePages, samplesFound } from '../sample-pages.js';
import { sameIds } from './same-ids.js';
import type { SampleTable } from '../sample-table.js';
import type { Schema } from '../schema.js';
import { meterSummaries, resourceSummaries } from '../summaries.js';
import { Connection } from './connection.js';
import type { Limits, Location, Session } from './session-settings.js';
import { ConnectionPool } from './connection-pool.js';
import { prepareDatabase } from './prepare-database.js';
import { Recorder } from './recorder.js';
import { removeBefore } from './removal.js';
import { removedBefore } from '../removed-before.js';
import { wasThere } from './sample-ids.js';
import { storeError } from './store-error.js';

const usualLimits: Limits = { connect: 10_000, statement: 30_000, silence: 8_000, rest: 30_000 };
/** A summary may have to go through all there is, and a removal waits for the disk. */
const readingTimes = 10;
const removalTimes = 10;
const readers = 3;
/** What is under way when the store is stopped has so long to end, ms. */
const lastWork = 1_000;

const table: SampleTable = {
  messageId: sql<string>`coalesce(samples.message_id, samples.key::text)`,
  volume: sql<string>`coalesce(samples.volume_text, samples.volume::text)`,
  ofSeries: (series) => sql`samples as s where s.series_id = ${series}`,
};

type Settings = Pick<PluginSettings<unknown>, 'logger' | 'clock' | 'host'>;

interface Opened {
  readonly recorder: Recorder;
  readonly db: Kysely<Schema>;
  readonly removal: Session;
  /** Cuts its connections. */
  readonly end: AbortController;
}

export class PostgresqlSampleStore implements SampleStore {
  readonly #location: Location;
  readonly #settings: Settings;
  readonly #limits: Limits;
  #opened: Opened | undefined;
  #health: Health = { ok: false, reason: 'not started' };
  /** Start and stop, one after the other. */
  readonly #turn = new Mutex();

  constructor(location: Omit<Location, 'name'>, settings: Settings, limits = usualLimits) {
    this.#location = { ...location, name: `nephoscope on ${settings.host}, process ${process.pid}` };
    this.#settings = settings;
    this.#limits = limits;
  }

  start(signal: AbortSignal, opening?: StoreOpening): Promise<void> {
    return this.#turn.run(async () => {
      signal.throwIfAborted();
      if (this.#opened !== undefined) return;
      const { url } = this.#location;
      this.#opened = await this.#watched(async () => {
        await prepareDatabase(this.#location, this.#limits, signal, opening);
        const end = new AbortController();
        const session = { ...this.#limits, signal: end.signal };
        const pool = new ConnectionPool(
          this.#location,
          { ...session, statement: session.statement * readingTimes },
          readers,
        );
        return {
          recorder: new Recorder(this.#location, session, this.#settings),
          db: new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) }),
          // Rows are to be found by their keys, however large the tables are.
          removal: {
            ...{ ...session, statement: session.statement * removalTimes },
            settings: {
              // It holds a lock beyond its transactions.
              idle_session_timeout: `${session.rest}`,
              lock_timeout: `${session.statement}`,
              ...{ enable_hashjoin: 'off', enable_mergejoin: 'off', enable_seqscan: 'off' },
            },
          },
          end,
        };
      }, signal);
      this.#settings.logger.info({ url }, 'the sample store is open');
    });
  }

  stop(): Promise<void> {
    return this.#turn.run(async () => {
      const opened = this.#opened;
      this.#opened = undefined;
      this.#health = { ok: false, reason: 'not started' };
      if (opened === undefined) return;
      const { recorder, db, end } = opened;
      const timer = setTimeout(() => end.abort(this.#notOpen()), lastWork);
      try {
        await Promise.all([recorder.stop(), db.destroy()]);
      } finally {
        clearTimeout(timer);
        // A removal goes on at the next one.
        end.abort(this.#notOpen());
      }
    });
  }

  async record(samples: readonly Sample[]): Promise<RecordResult> {
    const { recorder } = this.#open();
    return await this.#watched(() => recorder.record(samples));
  }

  async removeBefore(time: bigint, since = int64Range.min): Promise<number> {
    const { removal } = this.#open();
    return await this.#watched(async () => {
      // Of its own, as it holds a lock.
      const connection = await Connection.open(this.#location, removal);
      try {
        return await removeBefore(connection, time, since, this.#settings.clock);
      } finally {
        await connection.close();
      }
    });
  }

  async removedBefore(): Promise<bigint | undefined> {
    return await this.#read((db) => removedBefore(db));
  }

  async *samples(
    filter: SampleFilter,
    options: Parameters<SampleStore['samples']>[1] = {},
  ): AsyncGenerator<Sample> {
    const order = { newestFirst: options.newestFirst ?? false, limit: options.limit ?? Number.POSITIVE_INFINITY };
    for await (const page of samplePages((query) => this.#read(query), wasThere, table, filter, order)) {
      yield* page;
    }
  }

  async recordedAs(samples: readonly Sample[]): Promise<readonly Sample[]> {
    const found: Sample[] = [];
    for (const some of inParts(samples, askedAtOnce)) {
      found.push(...(await this.#read((db) => samplesFound(db, table, sameIds(some, true)))));
      const known = new Set(found.map(({ messageId }) => messageId));
      const left = some.filter(({ messageId }) => !known.has(messageId));
      if (left.length > 0)
        found.push(...(await this.#read((db) => samplesFound(db, table, sameIds(left, false)))));
    }
    return found;
  }

  async meters(filter: SampleFilter): Promise<readonly MeterSummary[]> {
    return await this.#read((db) => meterSummaries(db, table, filter));
  }

  async resources(filter: SampleFilter): Promise<readonly ResourceSummary[]> {
    return await this.#read((db) => resourceSummaries(db, table, filter));
  }

  health(): Health {
    return this.#health;
  }

  async #read<T>(query: (db: Kysely<Schema>) => Promise<T>): Promise<T> {
    const { db } = this.#open();
    return await this.#watched(() => query(db));
  }

  #open(): Opened {
    if (this.#opened !== undefined) return this.#opened;
    throw this.#notOpen();
  }

  #notOpen(): NephoscopeError {
    return new NephoscopeError(
      'STORE_UNAVAILABLE',
      `${this.#location.url.toString()} is not open: the store was not started or is stopped`,
    );
  }

  /**
   * Does it and tells the outcome to {@link health}. Neither a sample that cannot be stored nor another program that does
   * the same is a failure of the store.
   */
  async #watched<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    try {
      const result = await work();
      this.#health = { ok: true };
      return result;
    } catch (error) {
      if (signal?.aborted === true) throw error;
      const failure = storeError(error, this.#location.url);
      if (!['SAMPLE_INVALID', 'STORE_BUSY'].includes(failure.code))
        this.#health = { ok: false, reason: failure.message };
      throw failure;
    }
  }
}
