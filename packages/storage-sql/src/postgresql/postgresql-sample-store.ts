import { Mutex } from '@nephoscope/async';
import { NephoscopeError } from '@nephoscope/core';
import type { Health, PluginSettings } from '@nephoscope/core';
import type { RecordResult, RecordedTimes, Rollups, Sample, SampleStore } from '@nephoscope/core/sample-store';
import { Kysely, PostgresDialect } from 'kysely';

import { int64Range } from '../int64.js';
import { askedAtOnce, inParts } from '../in-parts.js';
import { samplesFound } from '../reading/sample-rows.js';
import { recordedTimes } from '../recorded-times.js';
import { StoreRollups } from '../rollups/store-rollups.js';
import { writeAll } from './write-rollups.js';
import { sameIds } from './same-ids.js';
import type { Schema } from '../schema.js';
import { Connection } from './connection.js';
import { usualLimits } from './session-settings.js';
import type { Location, Session } from './session-settings.js';
import { ConnectionPool } from './connection-pool.js';
import { prepareDatabase } from './prepare-database.js';
import { PostgresqlRecorder } from './postgresql-recorder.js';
import { removeBefore } from './removal.js';
import { removedBefore } from '../removed-before.js';
import { sampleTable } from './sample-table.js';
import { storeError } from './store-error.js';

/** Factor for the limits of a removal, which waits for the disk. */
const removalTimes = 10;
/** Time for work in progress to end when the store stops, ms. */
const lastWork = 1_000;

type Settings = Pick<PluginSettings<unknown>, 'logger' | 'clock' | 'host'>;

interface Opened {
  readonly recorder: PostgresqlRecorder;
  /** For lookups while others record. */
  readonly lookups: Kysely<Schema>;
  readonly removal: Session;
  /** Of rollups, whose turns are taken one after the other. */
  readonly rolling: ConnectionPool;
  /** Closes its connections when aborted. */
  readonly end: AbortController;
}

export class PostgresqlSampleStore implements SampleStore {
  readonly #location: Location;
  readonly #settings: Settings;
  readonly #limits;
  #opened: Opened | undefined;
  #health: Health = { ok: false, reason: 'not started' };
  #stopping = new AbortController();
  /** Start and stop, one after the other. */
  readonly #mutex = new Mutex();

  constructor(location: Omit<Location, 'name'>, settings: Settings, limits = usualLimits) {
    this.#location = { ...location, name: `nephoscope on ${settings.host}, process ${process.pid}` };
    this.#settings = settings;
    this.#limits = limits;
  }

  start(signal: AbortSignal): Promise<void> {
    return this.#mutex.run(async () => {
      signal.throwIfAborted();
      if (this.#opened !== undefined) return;
      this.#stopping = new AbortController();
      const { url } = this.#location;
      this.#opened = await this.#watched(async () => {
        await prepareDatabase(this.#location, this.#limits, signal);
        const end = new AbortController();
        const session = { ...this.#limits, signal: end.signal };
        const pool = new ConnectionPool(this.#location, session, 1);
        // Reading an hour of many samples takes longer than a lookup.
        const rolling = { ...session, statement: session.statement * removalTimes };
        return {
          recorder: new PostgresqlRecorder(this.#location, session, this.#settings),
          lookups: new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) }),
          // Rows must be found by their keys, however large the tables are.
          removal: {
            ...{ ...session, statement: session.statement * removalTimes },
            settings: {
              // It holds a lock beyond its transactions.
              idle_session_timeout: `${session.rest}`,
              lock_timeout: `${session.statement}`,
              ...{ enable_hashjoin: 'off', enable_mergejoin: 'off', enable_seqscan: 'off' },
            },
          },
          rolling: new ConnectionPool(this.#location, rolling, 1),
          end,
        };
      }, signal);
      this.#settings.logger.info({ url }, 'the sample store is open');
    });
  }

  stop(): Promise<void> {
    return this.#mutex.run(async () => {
      const opened = this.#opened;
      this.#opened = undefined;
      this.#health = { ok: false, reason: 'not started' };
      if (opened === undefined) return;
      const { recorder, lookups, rolling, end } = opened;
      // What it has not finished is done again by the next one.
      this.#stopping.abort(this.#notOpen());
      const timer = setTimeout(() => end.abort(this.#notOpen()), lastWork);
      try {
        await Promise.all([recorder.stop(), lookups.destroy(), rolling.end()]);
      } finally {
        clearTimeout(timer);
        // The next removal continues an interrupted one.
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
      // A separate connection, because it holds a lock.
      const connection = await Connection.open(this.#location, removal);
      try {
        return await removeBefore(connection, time, since, this.#settings.clock);
      } finally {
        await connection.close();
      }
    });
  }

  readonly rollups: Rollups = new StoreRollups({
    access: {
      table: sampleTable,
      read: (until) => {
        const db = new Kysely<Schema>({
          dialect: new PostgresDialect({ pool: this.#open().rolling.until(until) }),
        });
        return (query) => query(db);
      },
      write: (statements) => this.#open().rolling.use((connection) => writeAll(connection, statements)),
    },
    begin: () => {
      this.#open();
      return this.#stopping.signal;
    },
    storeError: (cause) => storeError(cause, this.#location.url),
  });

  async removedBefore(): Promise<bigint | undefined> {
    return await this.#lookUp((db) => removedBefore(db));
  }

  async recordedTimes(before?: bigint): Promise<RecordedTimes | undefined> {
    return await this.#lookUp((db) => recordedTimes(db, before));
  }

  async recordedAs(samples: readonly Sample[]): Promise<readonly Sample[]> {
    const found: Sample[] = [];
    for (const some of inParts(samples, askedAtOnce)) {
      found.push(...(await this.#lookUp((db) => samplesFound(db, sampleTable, sameIds(some, true)))));
      const known = new Set(found.map(({ messageId }) => messageId));
      const left = some.filter(({ messageId }) => !known.has(messageId));
      if (left.length > 0)
        found.push(...(await this.#lookUp((db) => samplesFound(db, sampleTable, sameIds(left, false)))));
    }
    return found;
  }

  health(): Health {
    return this.#health;
  }

  async #lookUp<T>(query: (db: Kysely<Schema>) => Promise<T>): Promise<T> {
    const { lookups } = this.#open();
    return await this.#watched(() => query(lookups));
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
   * Runs the work and sets {@link health} by the outcome. Neither a sample that cannot be stored nor another program
   * doing the same makes the store unhealthy.
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
