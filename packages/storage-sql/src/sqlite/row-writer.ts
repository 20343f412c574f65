import { createHash } from 'node:crypto';

import type Database from 'libsql';

import { maxKnown } from '../series-bounds.js';
import { seriesColumns } from '../series-columns.js';
import type { Definitions } from './new-rows.js';
import { keyLength, noReference, present, signatureLength } from './row-batch.js';
import type { RowBatch } from './row-batch.js';

const columns = 'key message_id series_id timestamp volume sequence metadata_id signature variations'.split(' ');
/** Rows of one insert: the cost of a call is shared by that many. */
const rowsPerInsert = 100;

/** Who writes: a {@link RowWriter} here, or one in a thread. What it is asked for is asked one after the other. */
export interface Writer {
  /** Takes the lock. When it throws, nothing has changed. */
  begin(): void | Promise<void>;
  /**
   * All of the batch in the transaction that was begun, on disk when it is done. When it throws, nothing of it is
   * there, and every number of a series or metadata is forgotten.
   *
   * @returns how many rows are new
   */
  write(batch: RowBatch): number | Promise<number>;
  /** Removes up to `limit` of those that are before `time` (ns), the oldest first. @returns how many */
  removeBefore(time: bigint, limit: number): number | Promise<number>;
}

/** Writes on a connection. Its calls are synchronous, so that no statement of others gets between. */
export class RowWriter implements Writer {
  readonly #sqlite: Database.Database;
  readonly #insertMany;
  readonly #insertOne;
  readonly #removeOldest;
  readonly #findSeries;
  readonly #addSeries;
  readonly #findMetadata;
  readonly #addMetadata;
  readonly #series: RowIds;
  readonly #metadata: RowIds;

  /** @param most rows of each kind that the one who gives numbers knows */
  constructor(sqlite: Database.Database, most = maxKnown) {
    this.#sqlite = sqlite;
    this.#series = new RowIds(most + 1);
    this.#metadata = new RowIds(most + 1);
    const insert = (rows: number) => {
      const values = Array.from({ length: rows }, () => `(${columns.map(() => '?').join(', ')})`);
      return sqlite.prepare(
        `insert into samples (${columns.join(', ')}) values ${values.join(', ')} on conflict (key) do nothing`,
      );
    };
    this.#insertMany = insert(rowsPerInsert);
    this.#insertOne = insert(1);
    this.#removeOldest = sqlite.prepare(
      'delete from samples where id in (select id from samples where timestamp < ? order by timestamp limit ?)',
    );
    this.#findSeries = sqlite.prepare(
      `select id from series where ${seriesColumns.map((column) => `${column} is ?`).join(' and ')}`,
    );
    this.#addSeries = sqlite.prepare(
      `insert into series (${seriesColumns.join(', ')}) values (${seriesColumns.map(() => '?').join(', ')}) returning id`,
    );
    this.#findMetadata = sqlite.prepare('select id from metadata where hash = ?');
    this.#addMetadata = sqlite.prepare('insert into metadata (hash, text) values (?, ?) returning id');
  }

  begin(): void {
    this.#sqlite.exec('begin immediate');
  }

  write(batch: RowBatch): number {
    try {
      this.#series.add(batch.newSeries, (row) => this.#seriesId(row));
      this.#metadata.add(batch.newMetadata, (text) => this.#metadataId(text));
      const recorded = this.#insert(batch);
      this.#sqlite.exec('commit');
      this.#series.trim();
      this.#metadata.trim();
      return recorded;
    } catch (error) {
      // Some of the rows are undone now.
      this.#series.clear();
      this.#metadata.clear();
      // Some failures, a full disk among them, have ended the transaction already.
      this.#rollBack();
      throw error;
    }
  }

  /** What is told is what it is rolled back for. */
  #rollBack(): void {
    try {
      if (this.#sqlite.inTransaction) this.#sqlite.exec('rollback');
    } catch {
      // The next `begin` fails then, and says so.
    }
  }

  removeBefore(time: bigint, limit: number): number {
    return this.#removeOldest.run([time, limit]).changes;
  }

  #seriesId(row: readonly (string | null)[]): bigint {
    return firstId(this.#findSeries.all(row)) ?? (firstId(this.#addSeries.all(row)) as bigint);
  }

  #metadataId(text: string): bigint {
    const hash = metadataHash(text);
    return firstId(this.#findMetadata.all([hash])) ?? (firstId(this.#addMetadata.all([hash, text])) as bigint);
  }

  #insert(batch: RowBatch): number {
    let recorded = 0;
    const whole = batch.count - (batch.count % rowsPerInsert);
    for (let start = 0; start < whole; start += rowsPerInsert)
      recorded += this.#insertMany.run(this.#values(batch, start, start + rowsPerInsert)).changes;
    for (let row = whole; row < batch.count; row++)
      recorded += this.#insertOne.run(this.#values(batch, row, row + 1)).changes;
    return recorded;
  }

  /** The parameters of an insert, in the order of {@link columns}. */
  #values(batch: RowBatch, start: number, end: number): unknown[] {
    const { keys, signatures, sequences, timestamps, volumes, messageIds, variations } = batch;
    const values: unknown[] = [];
    for (let row = start; row < end; row++) {
      const has = batch.present[row] as number;
      const metadata = batch.metadata[row] as number;
      values.push(
        keys.subarray(row * keyLength, (row + 1) * keyLength),
        messageIds.get(row) ?? null,
        this.#series.get(batch.series[row] as number),
        timestamps[row],
        volumes[row],
        (has & present.sequence) === 0 ? null : sequences[row],
        metadata === noReference ? null : this.#metadata.get(metadata),
        (has & present.signature) === 0
          ? null
          : signatures.subarray(row * signatureLength, (row + 1) * signatureLength),
        variations.get(row) ?? null,
      );
    }
    return values;
  }
}

/**
 * The ids of the rows that numbers stand for. Who gave the numbers forgets all of them when he knows `most`, and so
 * never uses others than the last that many.
 */
class RowIds {
  readonly #most: number;
  readonly #ids = new Map<number, bigint>();

  constructor(most: number) {
    this.#most = most;
  }

  add<Value>({ first, values }: Definitions<Value>, idOf: (value: Value) => bigint): void {
    for (const [at, value] of values.entries()) this.#ids.set(first + at, idOf(value));
  }

  get(number: number): bigint {
    const id = this.#ids.get(number);
    if (id === undefined) throw new Error(`a sample refers to row ${number}, which the writer was never told`);
    return id;
  }

  /** Forgets the oldest. Only between batches: one may refer to those that it was the last to know. */
  trim(): void {
    let tooMany = this.#ids.size - this.#most;
    for (const number of this.#ids.keys()) {
      if (tooMany-- <= 0) return;
      this.#ids.delete(number);
    }
  }

  clear(): void {
    this.#ids.clear();
  }
}

/** The first 128 bits of the SHA-256 of the text. */
function metadataHash(text: string): Buffer {
  return createHash('sha256').update(text).digest().subarray(0, 16);
}

function firstId(rows: readonly unknown[]): bigint | undefined {
  return (rows[0] as { id: bigint } | undefined)?.id;
}
