import { Mutex, orAborted } from '@nephoscope/async';
import { NephoscopeError } from '@nephoscope/core';
import type { Health, PluginSettings } from '@nephoscope/core';
import type {
  HistoryPart,
  HistoryQuery,
  MeterSummary,
  PageQuery,
  ProjectSummary,
  ResourceQuery,
  ResourceSummary,
  Sample,
  SampleFilter,
  SamplePage,
  SampleQuery,
  SampleReader,
} from '@nephoscope/core/sample-store';
import { Kysely, PostgresDialect } from 'kysely';

import { checkExisting, pendingMigrations } from '../../migrate.js';
import { histories } from '../../reading/histories.js';
import { samplePage, samplesOf } from '../../reading/sample-pages.js';
import type { Read } from '../../reading/sample-pages.js';
import { meterSummaries } from '../../reading/meter-summaries.js';
import { projectSummaries } from '../../reading/project-summaries.js';
import { resourceSummaries } from '../../reading/resource-summaries.js';
import type { Schema } from '../../schema.js';
import { ConnectionPool } from '../connection-pool.js';
import { migrations } from '../migrations.js';
import { refusePooler } from '../pooler.js';
import { tablesOf } from '../prepare-database.js';
import { sampleTable } from '../sample-table.js';
import { usualLimits } from '../session-settings.js';
import type { Location } from '../session-settings.js';
import { storeError } from '../store-error.js';

/** A multiple of the usual time limit, because a summary may have to visit all rows. */
const readingTimes = 10;
const connections = 3;

interface Opened {
  readonly pool: ConnectionPool;
  /** Closes its connections at once. */
  readonly end: AbortController;
}

/** Reads through a few separate connections; each statement is a read-only transaction with a time limit. */
export class PostgresqlSampleReader implements SampleReader {
  readonly #location: Location;
  readonly #logger: PluginSettings<unknown>['logger'];
  readonly #limits;
  #opened: Opened | undefined;
  #health: Health = { ok: false, reason: 'not started' };
  /** Runs start and stop one after another. */
  readonly #turn = new Mutex();

  constructor(
    location: Omit<Location, 'name'>,
    { host, logger }: Pick<PluginSettings<unknown>, 'host' | 'logger'>,
    limits = usualLimits,
  ) {
    this.#location = { ...location, name: `nephoscope on ${host}, process ${process.pid}, reading` };
    this.#logger = logger;
    this.#limits = limits;
  }

  start(signal: AbortSignal): Promise<void> {
    return this.#turn.run(async () => {
      signal.throwIfAborted();
      if (this.#opened !== undefined) return;
      const end = new AbortController();
      const session = {
        ...this.#limits,
        statement: this.#limits.statement * readingTimes,
        settings: { default_transaction_read_only: 'on' },
        signal: end.signal,
      };
      const pool = new ConnectionPool(this.#location, session, connections);
      const stop = () => end.abort(signal.reason);
      signal.addEventListener('abort', stop);
      try {
        await this.#watched(async () => {
          await pool.use((connection) => refusePooler(connection, this.#location, session));
          await check(database(pool.until(signal)), this.#location.url.toString());
        }, signal);
        this.#opened = { pool, end };
      } catch (error) {
        await pool
          .end()
          .catch((err: unknown) => this.#logger.warn({ err }, 'a connection was not closed in order'));
        throw error;
      } finally {
        signal.removeEventListener('abort', stop);
      }
    });
  }

  stop(): Promise<void> {
    // Reads in progress end at once.
    this.#opened?.end.abort(this.#notOpen());
    return this.#turn.run(async () => {
      const opened = this.#opened;
      this.#opened = undefined;
      this.#health = { ok: false, reason: 'not started' };
      // For a start that was in progress.
      opened?.end.abort(this.#notOpen());
      await opened?.pool.end();
    });
  }

  samples(query: SampleQuery, signal: AbortSignal): AsyncIterable<Sample> {
    return samplesOf(this.#reading(signal), sampleTable, query, signal);
  }

  samplePage(query: PageQuery, signal: AbortSignal): Promise<SamplePage> {
    return samplePage(this.#reading(signal), sampleTable, query);
  }

  meters(filter: SampleFilter, signal: AbortSignal): Promise<readonly MeterSummary[]> {
    return meterSummaries(this.#reading(signal), sampleTable, filter);
  }

  resources(query: ResourceQuery, signal: AbortSignal): AsyncIterable<ResourceSummary> {
    return this.#stream((read) => resourceSummaries(read, sampleTable, query), signal);
  }

  histories(query: HistoryQuery, signal: AbortSignal): AsyncIterable<HistoryPart> {
    return this.#stream((read) => histories(read, sampleTable, query, signal), signal);
  }

  projects(filter: SampleFilter, signal: AbortSignal): Promise<readonly ProjectSummary[]> {
    return projectSummaries(this.#reading(signal), sampleTable, filter);
  }

  health(): Health {
    return this.#health;
  }

  async *#stream<T>(work: (read: Read) => AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
    for await (const one of work(this.#reading(signal))) {
      signal.throwIfAborted();
      yield one;
    }
  }

  #reading(signal: AbortSignal): Read {
    return (work) => this.#read(work, signal);
  }

  async #read<T>(work: (db: Kysely<Schema>) => Promise<T>, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    if (this.#opened === undefined) throw this.#notOpen();
    const { pool, end } = this.#opened;
    const until = AbortSignal.any([signal, end.signal]);
    const db = database(pool.until(until));
    // When the caller gives up, it does not wait for a connection to open or close.
    return await this.#watched(() => orAborted(work(db), until), signal);
  }

  #notOpen(): NephoscopeError {
    return new NephoscopeError(
      'STORE_UNAVAILABLE',
      `${this.#location.url.toString()} is not open: the reader was not started or is stopped`,
    );
  }

  /** Runs it, and sets {@link health} from its outcome. */
  async #watched<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    try {
      const result = await work();
      this.#health = { ok: true };
      return result;
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      const failure = storeError(error, this.#location.url);
      this.#health = { ok: false, reason: failure.message };
      throw failure;
    }
  }
}

function database(pool: ReturnType<ConnectionPool['until']>): Kysely<Schema> {
  return new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) });
}

/** @throws STORE_MISSING, STORE_SCHEMA_OLDER, STORE_SCHEMA_NEWER, STORE_INVALID */
async function check(db: Kysely<Schema>, place: string): Promise<void> {
  const tables = await tablesOf(db);
  checkExisting(place, tables, await pendingMigrations(db, place, migrations, tables));
}
