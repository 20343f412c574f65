import { setImmediate as nextTurn } from 'node:timers/promises';

import { Mutex } from '@nephoscope/async';
import { NephoscopeError } from '@nephoscope/core';
import type { Health, PluginSettings } from '@nephoscope/core';
import type { RecordResult, RecordedTimes, Rollups, Sample, SampleStore } from '@nephoscope/core/sample-store';
import { sql } from 'kysely';
import type { Kysely } from 'kysely';

import { periodOf } from '../periods.js';
import { int64Range, toInt64 } from '../int64.js';
import { askedAtOnce, inParts } from '../in-parts.js';
import { messageKey } from '../message-key.js';
import { samplesFound } from '../reading/sample-rows.js';
import type { Schema } from '../schema.js';
import { recordedTimes } from '../recorded-times.js';
import { removedBefore } from '../removed-before.js';
import { removableBefore } from '../rollups/statements.js';
import { sqlitePath } from './connection.js';
import { closeDatabase, emptyLog, exposure } from './database.js';
import { FilesMoved, filesAt, hasOtherLog, moved, removeLog } from './files.js';
import { StoreRollups } from '../rollups/store-rollups.js';
import { openStore } from './open-store.js';
import type { Opened } from './open-store.js';
import { RollupReading } from './rollup-reading.js';
import { SqliteRecorder } from './sqlite-recorder.js';
import type { Writer } from './row-writer.js';
import { interruptibleTable, sampleTable } from './sample-table.js';
import { isDamaged, isLocked, isReadOnly, storeError } from './store-error.js';
import { ThreadWriter } from './thread-writer.js';

const lockTimeoutNs = 5_000_000_000n;
const lockRetryMs = 20;

/** Rows removed in one transaction; others wait meanwhile. */
const removedAtOnce = 1_000;

type Settings = Pick<PluginSettings<unknown>, 'logger' | 'clock'>;

/** The writer and its recorder, as long as the thread lives. */
interface Writing {
  readonly thread: ThreadWriter;
  readonly recorder: SqliteRecorder;
}

/** Records into a file. Its lookups for that are a few index accesses. */
export class SqliteSampleStore implements SampleStore {
  readonly #settings: Settings;
  readonly #path: string;
  #opened: Opened | undefined;
  #writing: Writing | undefined;
  #health: Health = { ok: false, reason: 'not started' };
  #stopping = new AbortController();
  /** Work in progress is finished before the store stops. Lookups do not wait for writes. */
  readonly #writes = new Mutex();
  readonly #lookups = new Mutex();
  readonly #rollupReading: RollupReading;
  readonly rollups: Rollups;

  /** @param url `sqlite:` and a path */
  constructor(url: string, settings: Settings) {
    this.#settings = settings;
    this.#path = sqlitePath(url);
    this.#rollupReading = new RollupReading(this.#path);
    this.rollups = new StoreRollups({
      access: {
        table: interruptibleTable,
        read: (until) => this.#rollupReading.until(until),
        write: async (statements) => (await this.#ask((writer) => writer.writeRollups(statements))) > 0,
      },
      begin: () => {
        this.#open();
        return this.#stopping.signal;
      },
      storeError: (cause) => storeError(cause, this.#path),
    });
  }

  start(signal: AbortSignal): Promise<void> {
    return this.#alone(async () => {
      signal.throwIfAborted();
      if (this.#opened !== undefined) return;
      this.#stopping = new AbortController();
      const stopped = AbortSignal.any([signal, this.#stopping.signal]);
      this.#opened = await this.#withHealth(
        () => this.#retryLocked(() => this.#openStore(stopped), signal),
        signal,
      );
      this.#settings.logger.info({ path: this.#path }, 'the sample store is open');
      const open = exposure(this.#path);
      if (open !== undefined) this.#settings.logger.warn({ path: this.#path }, open);
    });
  }

  stop(): Promise<void> {
    this.#stopping.abort(new NephoscopeError('STOPPED', 'the store is stopped'));
    return this.#alone(async () => {
      const connection = this.#opened;
      const thread = this.#writing?.thread;
      this.#opened = undefined;
      this.#writing = undefined;
      this.#health = { ok: false, reason: 'not started' };
      if (connection === undefined) return;
      await this.#rollupReading.end().catch((err: unknown) => {
        this.#settings.logger.warn(
          { err, path: this.#path },
          'the thread that reads for rollups failed while it ended',
        );
      });
      try {
        await thread?.end();
      } catch (err) {
        this.#settings.logger.warn({ err, path: this.#path }, 'the thread that writes failed while it ended');
      }
      try {
        closeDatabase(connection.sqlite);
      } catch (err) {
        const message = 'the log of the sample store was not written back; this is done at its next start';
        this.#settings.logger.warn({ err, path: this.#path }, message);
      }
    });
  }

  record(samples: readonly Sample[]): Promise<RecordResult> {
    return this.#writes.run(() =>
      this.#withHealth(() =>
        this.#inPlace(() => this.#write().recorder.record(samples, (work) => this.#retryLocked(work))),
      ),
    );
  }

  async removeBefore(time: bigint, since = int64Range.min): Promise<number> {
    const [start, end] = [toInt64(since), toInt64(time)];
    // A period that has not begun cannot be over, and samples that have not arrived cannot have been removed.
    const past = min(end, this.#settings.clock.now());
    // Nor the shared rows of samples that stay because they are not rolled up.
    const removable = await this.#lookUp((db) => removableBefore(db, 'min'));
    const period = periodOf(removable === undefined ? past : min(past, removable)) - 1;
    const isToSweep = (await this.#ask((writer) => writer.endPeriod(period))) > 0;
    let removed = 0;
    for (;;) {
      const count = await this.#ask((writer) => writer.removeBefore(end, start, removedAtOnce, past));
      removed += count;
      if (count < removedAtOnce) break;
      await nextTurn();
    }
    // Samples that stay may refer to rows of any period.
    if (!isToSweep || (await this.#holdsBefore(start))) return removed;
    while ((await this.#ask((writer) => writer.removeShared(period))) > 0) await nextTurn();
    return removed;
  }

  removedBefore(): Promise<bigint | undefined> {
    return this.#lookUp((db) => removedBefore(db));
  }

  recordedTimes(before?: bigint): Promise<RecordedTimes | undefined> {
    return this.#lookUp((db) => recordedTimes(db, before));
  }

  #holdsBefore(time: bigint): Promise<boolean> {
    const query = sql`select 1 from samples where timestamp < ${time} limit 1`;
    return this.#lookUp(async (db) => (await query.execute(db)).rows.length > 0);
  }

  /** Other writers may write before and after. */
  #ask(question: (writer: Writer) => number | Promise<number>): Promise<number> {
    return this.#writes.run(() =>
      this.#withHealth(() => this.#inPlace(() => this.#retryLocked(() => question(this.#write().thread)))),
    );
  }

  async recordedAs(samples: readonly Sample[]): Promise<readonly Sample[]> {
    const found: Sample[] = [];
    for (const some of inParts(samples, askedAtOnce)) {
      const keys = some.map(({ messageId }) => sql`${messageKey(messageId).key}`);
      const rows = sql`select series_id, timestamp, id from samples where key in (${sql.join(keys)})`;
      found.push(...(await this.#lookUp((db) => samplesFound(db, sampleTable, rows))));
      await nextTurn();
    }
    return found;
  }

  health(): Health {
    const change = this.#health.ok && this.#opened !== undefined ? this.#change(this.#opened) : undefined;
    return change === undefined ? this.#health : { ok: false, reason: change.message };
  }

  /** Undefined as long as the open files are at their path. */
  #change({ files }: Opened): FilesMoved | undefined {
    return moved(this.#path, files);
  }

  /** Writes. If the file was replaced, or was opened while it was not writable, it is opened again first. */
  async #inPlace<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof FilesMoved || isReadOnly(error))) throw error;
      await this.#lookups.run(() => this.#openAgain(error));
      return await work();
    }
  }

  /** @throws `reason` if acknowledged samples could be lost by that */
  async #openAgain(reason: unknown): Promise<void> {
    const open = this.#open();
    if (reason instanceof FilesMoved) {
      const now = filesAt(this.#path);
      const isReplaced = now.database !== '' && now.database !== open.files.database;
      // Acknowledged samples are then in the file itself, wherever it was moved.
      const isWhole = (isReplaced || !hasOtherLog(open.files, now)) && emptyLog(open.sqlite);
      if (!isReplaced || !isWhole) throw reason;
      removeLog(this.#path, open.files);
    }
    const next = await this.#openStore(this.#stopping.signal);
    this.#opened = next;
    const thread = this.#writing?.thread;
    this.#writing = undefined;
    this.#settings.logger.warn({ err: reason, path: this.#path }, 'the sample store was opened again');
    open.sqlite.close();
    await thread?.end();
  }

  #openStore(signal: AbortSignal): Promise<Opened> {
    const onMigration = (names: readonly string[]) => {
      const message = `${this.#path} is brought to the schema of this version, which takes minutes when it is large`;
      this.#health = { ok: false, reason: message };
      this.#settings.logger.info({ path: this.#path, migrations: names }, message);
    };
    return openStore(this.#path, onMigration, signal);
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

  /** Created by the first write. */
  #write(): Writing {
    const { files } = this.#open();
    if (this.#writing?.thread.ended !== false) {
      const thread = new ThreadWriter({ path: this.#path, files });
      this.#writing = { thread, recorder: new SqliteRecorder(thread) };
    }
    return this.#writing;
  }

  #lookUp<T>(query: (db: Kysely<Schema>) => Promise<T>): Promise<T> {
    return this.#lookups.run(() => this.#withHealth(() => this.#retryLocked(() => query(this.#open().db))));
  }

  #alone(work: () => Promise<void>): Promise<void> {
    return this.#writes.run(() => this.#lookups.run(work));
  }

  /** Retries while another program holds the lock, unless the store is stopping. */
  async #retryLocked<T>(work: () => T | Promise<T>, signal?: AbortSignal): Promise<T> {
    const { clock } = this.#settings;
    const deadline = clock.monotonic() + lockTimeoutNs;
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (!isLocked(error) || this.#stopping.signal.aborted || clock.monotonic() >= deadline) throw error;
        await clock.sleep(lockRetryMs, signal);
      }
    }
  }

  /** Sets {@link health} by the outcome and gives an error its code. A sample that cannot be stored does not make the store unhealthy. */
  async #withHealth<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    try {
      const result = await twice(work);
      this.#health = { ok: true };
      return result;
    } catch (error) {
      if (signal?.aborted === true) throw error;
      const failure = storeError(error, this.#path);
      if (failure.code !== 'SAMPLE_INVALID') this.#health = { ok: false, reason: failure.message };
      throw failure;
    }
  }
}

/** A file that is really damaged fails the second time too; after a failed read it may succeed. */
async function twice<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isDamaged(error)) throw error;
    return await work();
  }
}

function min(one: bigint, other: bigint): bigint {
  return one < other ? one : other;
}
