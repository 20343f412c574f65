import { PermanentError, describeError, isNephoscopeError } from '@nephoscope/core';
import type { PluginSettings } from '@nephoscope/core';
import type { RecordResult, Sample } from '@nephoscope/core/sample-store';

import { recordBatch, stateOfTables, toBatch } from './batch.js';
import type { StateOfTables } from './batch.js';
import { takesPlainSample } from './control.js';
import type { Connection } from './connection.js';
import type { Location, Session } from './session-settings.js';
import { ConnectionPool } from './connection-pool.js';
import { createPartition, existingPartitions, wantedPartitions } from './partitions.js';
import { noPeriod } from '../periods.js';
import { moveIds } from './sample-ids.js';
import { createSharedRows } from './shared-rows.js';
import { isConflict, isDataError, sqlState } from './store-error.js';

/** How often a batch is tried in case of conflicts with other sessions. */
const attempts = 5;
/** ns until the next attempt to create a partition after a failure. */
const partitionPause = 60_000_000_000n;

/** The joins are of a batch with itself, whatever size the planner assumes for arrays that it does not see. */
const settings = { enable_nestloop: 'off', enable_mergejoin: 'off', work_mem: '32MB' };

/** Writes batches, one after the other. */
export class PostgresqlRecorder {
  readonly #writer: ConnectionPool;
  readonly #tools: Pick<PluginSettings<unknown>, 'logger' | 'clock'>;
  readonly #known = createSharedRows();
  /** The starts of weeks that have a partition; undefined while unknown. */
  #partitions: Set<bigint> | undefined;
  #noPartitionsUntil = 0n;
  /** The state for which batches are made; no files are known yet. */
  #state: StateOfTables = { ended: noPeriod, files: '' };

  constructor(location: Location, session: Session, tools: Pick<PluginSettings<unknown>, 'logger' | 'clock'>) {
    // Creating a partition is a transaction of several statements; only newer servers have this limit.
    const transaction = { transaction_timeout: `${4 * session.statement}` };
    this.#writer = new ConnectionPool(location, { ...session, settings: { ...settings, ...transaction } }, 1);
    this.#tools = tools;
  }

  /**
   * Records the whole batch, on disk when it resolves, or nothing. @throws as a {@link Connection} does,
   * SAMPLE_INVALID
   */
  async record(samples: readonly Sample[]): Promise<RecordResult> {
    if (samples.length === 0) return { recorded: 0, duplicates: 0 };
    // Before the lock: the next batch is prepared while the server works on this one.
    let state = this.#state;
    let batch = toBatch(samples, this.#known, state);
    const renew = () => {
      state = this.#state;
      batch = toBatch(samples, this.#known, state);
    };
    return await this.#writer.use(async (connection) => {
      try {
        // A change found by the previous batch applies to this one too: it must neither count as a repetition nor
        // refer to rows that are gone.
        if (state !== this.#state) renew();
        await this.#makePartitions(connection, batch.times);
        let recorded = await insert(connection, batch.values);
        for (let attempt = 1; recorded === 0 && (await this.#isOutdated(connection, batch.times)); attempt++) {
          if (attempt === attempts) throw new Error('the tables change faster than a batch is written');
          renew();
          recorded = await insert(connection, batch.values);
        }
        for (const row of batch.missing) row.values = undefined;
        return { recorded, duplicates: samples.length - recorded };
      } catch (error) {
        // After an outage the database may be another one: restored, or empty.
        this.#forget(this.#state);
        const explained = await this.#explained(error, connection, batch.times);
        // A new connection may lead to another server, or to one that was repaired or reconfigured.
        if (!isNephoscopeError(explained, 'SAMPLE_INVALID')) await connection.close();
        throw explained;
      }
    });
  }

  /**
   * Reads the state of the tables. @returns whether it differs from the known one
   *
   * @throws STORE_INVALID while there is none: a batch that wrote nothing then is not a repetition
   */
  async #isOutdated(connection: Connection, times: readonly bigint[]): Promise<boolean> {
    const { rows } = await connection.query<{ ended: bigint; files: string }>({ text: stateOfTables });
    const [row] = rows;
    if (row === undefined)
      throw new PermanentError(
        'STORE_INVALID',
        'the table retention is empty, as while a backup is restored: nothing is recorded until it has its row again',
      );
    const known = this.#state;
    if (known.files === row.files && known.ended === Number(row.ended)) return false;
    this.#forget({ ended: Number(row.ended), files: row.files });
    await this.#makePartitions(connection, times);
    if (known.files !== row.files && known.files !== '')
      this.#tools.logger.warn(
        {},
        'the tables are not those of before: when a backup was restored, what was recorded after it was made is missing',
      );
    return true;
  }

  /**
   * Shared rows of earlier samples may have been removed, or may never have been in these tables. Prepared batches
   * are made again.
   */
  #forget(state: StateOfTables): void {
    this.#known.forget();
    this.#partitions = undefined;
    this.#state = { ...state };
  }

  /** Waits for batches in progress. */
  async stop(): Promise<void> {
    await this.#writer.end();
  }

  /** A refused value is a sample's fault only if the database accepts others. */
  async #explained(error: unknown, connection: Connection, times: readonly bigint[]): Promise<unknown> {
    const [time] = times;
    if (time === undefined || !isDataError(error) || !connection.usable) return error;
    if (!(await takesPlainSample(connection, time, this.#state))) return error;
    return new PermanentError(
      'SAMPLE_INVALID',
      `the database takes other samples, and refuses a value of this one (${describeError(error)})`,
      { cause: error },
    );
  }

  /** Recording continues if a partition cannot be created while others hold locks. */
  async #makePartitions(connection: Connection, times: readonly bigint[]): Promise<void> {
    const { clock, logger } = this.#tools;
    if (this.#partitions === undefined) {
      await moveIds(connection);
      const existing = await existingPartitions(connection);
      this.#partitions = new Set(existing.map(({ start }) => start));
    }
    for (const [start, partition] of wantedPartitions(times, clock.now())) {
      if (this.#partitions.has(start) || clock.monotonic() < this.#noPartitionsUntil) continue;
      try {
        await createPartition(connection, partition);
        this.#partitions.add(start);
      } catch (err) {
        if (sqlState(err) === undefined || !connection.usable) throw err;
        this.#noPartitionsUntil = clock.monotonic() + partitionPause;
        logger.warn(
          { err, partition: partition.name },
          'a partition could not be made: its samples are kept in another',
        );
      }
    }
  }
}

async function insert(connection: Connection, values: readonly Buffer[]): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    try {
      const { rowCount } = await connection.query({ name: 'record', text: recordBatch, values: [...values] });
      return rowCount ?? 0;
    } catch (error) {
      if (!isConflict(error) || attempt === attempts) throw error;
    }
  }
}
