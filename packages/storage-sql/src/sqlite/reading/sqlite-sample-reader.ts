import { existsSync } from 'node:fs';

import { Mutex } from '@nephoscope/async';
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
import { Kysely } from 'kysely';

import { checkExisting, pendingMigrations, storeMissing } from '../../migrate.js';
import { histories } from '../../reading/histories.js';
import { samplePage, samplesOf } from '../../reading/sample-pages.js';
import type { Read } from '../../reading/sample-pages.js';
import { meterSummaries } from '../../reading/meter-summaries.js';
import { projectSummaries } from '../../reading/project-summaries.js';
import { resourceSummaries } from '../../reading/resource-summaries.js';
import type { Schema } from '../../schema.js';
import { sqlitePath } from '../connection.js';
import { sameFiles } from '../files.js';
import type { Files } from '../files.js';
import { migrations } from '../migrations.js';
import { interruptibleTable } from '../sample-table.js';
import { storeError } from '../store-error.js';
import { dialectOver } from './thread-dialect.js';
import { ThreadReader } from './thread-reader.js';

/** Reads a file in a separate thread, which delays neither recording nor the calling thread. */
export class SqliteSampleReader implements SampleReader {
  readonly #path: string;
  readonly #logger: PluginSettings<unknown>['logger'];
  #thread: ThreadReader | undefined;
  /** The files that are known to have the tables of this version. */
  #checked: Files | undefined;
  #health: Health = { ok: false, reason: 'not started' };
  /** Aborted from the beginning of a stop until the next start. */
  #stopping = new AbortController();
  /** Runs start and stop one after another. */
  readonly #turn = new Mutex();

  /** @param url `sqlite:` and a path */
  constructor(url: string, { logger }: Pick<PluginSettings<unknown>, 'logger'>) {
    this.#path = sqlitePath(url);
    this.#logger = logger;
    this.#stopping.abort(this.#notOpen());
  }

  start(signal: AbortSignal): Promise<void> {
    return this.#turn.run(async () => {
      signal.throwIfAborted();
      if (!this.#stopping.signal.aborted) return;
      if (!existsSync(this.#path)) throw this.#failed(storeMissing(this.#path));
      this.#stopping = new AbortController();
      try {
        await this.#read(() => Promise.resolve(), signal);
      } catch (error) {
        await this.#end();
        throw error;
      }
    });
  }

  stop(): Promise<void> {
    // Reads in progress end at once.
    this.#stopping.abort(this.#notOpen());
    return this.#turn.run(async () => {
      await this.#end();
      this.#health = { ok: false, reason: 'not started' };
    });
  }

  samples(query: SampleQuery, signal: AbortSignal): AsyncIterable<Sample> {
    return samplesOf(this.#reading(signal), interruptibleTable, query, signal);
  }

  samplePage(query: PageQuery, signal: AbortSignal): Promise<SamplePage> {
    return samplePage(this.#reading(signal), interruptibleTable, query);
  }

  meters(filter: SampleFilter, signal: AbortSignal): Promise<readonly MeterSummary[]> {
    return meterSummaries(this.#reading(signal), interruptibleTable, filter);
  }

  resources(query: ResourceQuery, signal: AbortSignal): AsyncIterable<ResourceSummary> {
    return this.#stream((read) => resourceSummaries(read, interruptibleTable, query), signal);
  }

  histories(query: HistoryQuery, signal: AbortSignal): AsyncIterable<HistoryPart> {
    return this.#stream((read) => histories(read, interruptibleTable, query, signal), signal);
  }

  projects(filter: SampleFilter, signal: AbortSignal): Promise<readonly ProjectSummary[]> {
    return projectSummaries(this.#reading(signal), interruptibleTable, filter);
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

  /** For several queries on the same file, even if another one takes its place meanwhile. */
  #reading(signal: AbortSignal): Read {
    const ready = { files: undefined as Files | undefined };
    return (work) => this.#read(work, signal, ready);
  }

  /**
   * Queries the file at the path, or the one that `on` names, and sets {@link health} from the outcome.
   *
   * @param on receives the file that was queried
   */
  async #read<T>(
    work: (db: Kysely<Schema>) => Promise<T>,
    signal: AbortSignal,
    on: { files: Files | undefined } = { files: undefined },
  ): Promise<T> {
    const until = AbortSignal.any([signal, this.#stopping.signal]);
    until.throwIfAborted();
    try {
      if (this.#thread?.ended !== false) this.#thread = new ThreadReader(this.#path);
      const thread = this.#thread;
      const files = (on.files ??= await this.#open(thread, until));
      const ask = (text: string, parameters: readonly unknown[]) => thread.query(files, text, parameters, until);
      const db = new Kysely<Schema>({ dialect: dialectOver(ask) });
      await this.#check(db, files);
      const result = await work(db);
      this.#health = { ok: true };
      return result;
    } catch (error) {
      throw until.aborted ? until.reason : this.#failed(error);
    }
  }

  async #open(thread: ThreadReader, signal: AbortSignal): Promise<Files> {
    if (existsSync(this.#path)) return await thread.open(signal);
    throw new NephoscopeError('STORE_UNAVAILABLE', `${this.#path} was removed while it was read: put it back`);
  }

  /** Checks each file once. */
  async #check(db: Kysely<Schema>, files: Files): Promise<void> {
    if (this.#checked !== undefined && sameFiles(this.#checked, files)) return;
    const tables = (await db.introspection.getTables({ withInternalKyselyTables: true })).map(({ name }) => name);
    checkExisting(this.#path, tables, await pendingMigrations(db, this.#path, migrations, tables));
    this.#checked = files;
  }

  async #end(): Promise<void> {
    this.#stopping.abort(this.#notOpen());
    const thread = this.#thread;
    this.#thread = undefined;
    this.#checked = undefined;
    try {
      await thread?.end();
    } catch (err) {
      this.#logger.warn({ err, path: this.#path }, 'the thread that reads failed while it ended');
    }
  }

  #failed(cause: unknown): NephoscopeError {
    const failure = storeError(cause, this.#path);
    this.#health = { ok: false, reason: failure.message };
    return failure;
  }

  #notOpen(): NephoscopeError {
    return new NephoscopeError(
      'STORE_UNAVAILABLE',
      `${this.#path} is not open: the reader was not started or is stopped`,
    );
  }
}
