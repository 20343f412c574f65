import { idOf } from '../digest.js';
import { maxKnown } from '../series-bounds.js';
import { seriesColumns } from '../series-columns.js';
import { hourOf } from '../rollups/hours.js';
import { rolledWithoutMarks } from '../rollups/statements.js';
import type { RollupStatement } from '../rollups/statements.js';
import type { SeriesRow } from '../storable.js';
import type { Database, Statement } from './driver.js';
import type { Definitions, Kept } from './new-rows.js';
import { keyLength, noReference, present, signatureLength } from './row-batch.js';
import type { RowBatch } from './row-batch.js';

const columns = 'key message_id series_id timestamp volume sequence metadata_id signature variations'.split(' ');
/** The tables of shared rows. */
type SharedTable = 'series' | 'metadata';

/** Rows examined in one transaction; others wait meanwhile. */
const sharedAtOnce = 1_000;
/** Rows of one insert, which share the cost of a call. */
const rowsPerInsert = 100;

/** A writer: a {@link RowWriter} in this thread, or one in another. Its methods are called one after the other. */
export interface Writer {
  /** Takes the lock. If it throws, nothing has changed. @returns the last period that is over, see {@link endPeriod} */
  begin(): number | Promise<number>;
  /**
   * Writes the whole batch in the transaction that was begun, on disk when it is done. If it throws, nothing of it is
   * recorded, and all numbers of series and metadata are invalid.
   *
   * @returns the number of new rows
   */
  write(batch: RowBatch): number | Promise<number>;
  /**
   * Ends the period and those before: from now on, recorded samples keep their rows for a later one.
   *
   * @returns 1 if there may be unreferenced rows once the samples of the period are removed, otherwise 0
   */
  endPeriod(period: number): number | Promise<number>;
  /**
   * Removes some of the rows kept until this period or an earlier one. The period must have ended, and its samples
   * and earlier ones must have been removed.
   *
   * @returns 1 if there are more, 0 if these were all
   */
  removeShared(period: number): number | Promise<number>;
  /**
   * Removes up to `limit` samples before `time` (ns) and not before `since`, the oldest first, and records in the
   * same transaction that samples before `noted` may be repetitions. Once samples are rolled up, only those are removed that are,
   * in whole hours.
   *
   * @returns how many
   */
  removeBefore(time: bigint, since: bigint, limit: number, noted: bigint): number | Promise<number>;
  /** Executes all of them, unless the first one changes no row. @returns whether it did, as 0 or 1 */
  writeRollups(statements: readonly RollupStatement[]): number | Promise<number>;
}

/** Writes on a connection. Its calls are synchronous, so no other statement can come between. */
export class RowWriter implements Writer {
  readonly #sqlite: Database;
  readonly #insertMany;
  readonly #insertOne;
  readonly #removeOldest;
  readonly #note;
  readonly #ended;
  readonly #mark;
  readonly #rolled;
  readonly #findSeries;
  readonly #addSeries;
  readonly #findMetadata;
  readonly #addMetadata;
  readonly #raise;
  readonly #series: RowIds;
  readonly #metadata: RowIds;
  /** Samples before this time are marked, as read by `begin`. */
  #marked: bigint | null = null;
  /** How far the shared rows were examined. */
  #sweep: { readonly period: number; readonly tables: readonly SharedTable[]; after: bigint } | undefined;

  /** @param most limit of rows of each kind in the cache that assigns the numbers */
  constructor(sqlite: Database, most = maxKnown) {
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
      `delete from samples where id in
        (select id from samples where timestamp < ? and timestamp >= ? order by timestamp limit ?)`,
    );
    this.#note = sqlite.prepare('update retention set removed = ? where removed is null or removed < ?');
    this.#ended = sqlite.prepare('select ended, marked from retention');
    this.#rolled = sqlite.prepare(rolledWithoutMarks('min'));
    this.#mark = sqlite.prepare('insert into rollup_marks (series_id, hour) values (?, ?)');
    this.#findSeries = sqlite.prepare(
      `select id, until from series where ${seriesColumns.map((column) => `${column} is ?`).join(' and ')}`,
    );
    this.#addSeries = sqlite.prepare(
      `insert into series (${seriesColumns.join(', ')}, until) values (${seriesColumns.map(() => '?').join(', ')}, ?)`,
    );
    this.#findMetadata = sqlite.prepare('select id, until from metadata where hash = ?');
    this.#addMetadata = sqlite.prepare('insert into metadata (hash, text, until) values (?, ?, ?)');
    const raise = (table: SharedTable) => sqlite.prepare(`update ${table} set until = ? where id = ?`);
    this.#raise = { series: raise('series'), metadata: raise('metadata') };
  }

  begin(): number {
    this.#sqlite.exec('begin immediate');
    try {
      const { ended, marked } = this.#ended.get() as { readonly ended: bigint; readonly marked: bigint | null };
      this.#marked = marked;
      return Number(ended);
    } catch (error) {
      this.#rollBack();
      throw error;
    }
  }

  write(batch: RowBatch): number {
    try {
      this.#series.add(batch.newSeries, (row) => this.#seriesId(row));
      this.#metadata.add(batch.newMetadata, (text) => this.#metadataId(text));
      const recorded = this.#insert(batch);
      // A batch of repetitions changes nothing.
      if (recorded > 0 && this.#marked !== null) this.#markLate(batch, this.#marked);
      this.#sqlite.exec('commit');
      this.#series.trim();
      this.#metadata.trim();
      return recorded;
    } catch (error) {
      // Some of the rows were rolled back.
      this.#series.clear();
      this.#metadata.clear();
      // Some failures, such as a full disk, have ended the transaction already.
      this.#rollBack();
      throw error;
    }
  }

  /**
   * The lock is taken before anything is changed. Otherwise a statement waiting for it would stay open after its
   * failure, and later changes on this connection would not be committed before it is closed.
   */
  #alone(work: () => number): number {
    this.begin();
    try {
      const result = work();
      this.#sqlite.exec('commit');
      return result;
    } catch (error) {
      this.#rollBack();
      throw error;
    }
  }

  /** The error to report is the one that caused the rollback. */
  #rollBack(): void {
    try {
      if (this.#sqlite.inTransaction) this.#sqlite.exec('rollback');
    } catch {
      // The next `begin` then fails and reports it.
    }
  }

  removeBefore(time: bigint, since: bigint, limit: number, noted: bigint): number {
    return this.#alone(() => {
      const { rolled } = this.#rolled.get() as { readonly rolled: bigint | null };
      const end = rolled === null || time < rolled ? time : rolled;
      const before = rolled === null ? end : hourOf(end);
      const { changes } = this.#removeOldest.run([before, since, limit]);
      const known = rolled === null || noted < before ? noted : before;
      if (changes > 0) this.#note.run([known, known]);
      return changes;
    });
  }

  endPeriod(period: number): number {
    return this.#alone(() => {
      this.#sqlite.prepare('update retention set ended = ? where ended < ?').run([period, period]);
      return this.#sqlite.prepare('select 1 from retention where swept < ?').all([period]).length;
    });
  }

  removeShared(period: number): number {
    return this.#alone(() => this.#sweepSome(period));
  }

  #sweepSome(period: number): number {
    if (this.#sweep?.period !== period) this.#sweep = { period, tables: ['series', 'metadata'], after: 0n };
    const { tables, after } = this.#sweep;
    const [table] = tables;
    if (table === undefined) {
      this.#sqlite.prepare('update retention set swept = ?').run([period]);
      this.#sweep = undefined;
      return 0;
    }
    const some = `select id from ${table} where id > ? order by id limit ${sharedAtOnce}`;
    const [found] = this.#sqlite.prepare(`select max(id) as last from (${some})`).all([after]);
    const { last } = found as { readonly last: bigint | null };
    if (last === null) {
      this.#sweep = { period, tables: tables.slice(1), after: 0n };
    } else {
      const range = `delete from ${table} where id > ? and id <= ? and until <= ?`;
      this.#sqlite.prepare(range).run([after, last, period]);
      this.#sweep.after = last;
    }
    return 1;
  }

  #seriesId({ value: row, until }: Kept<SeriesRow>): bigint {
    return this.#keep('series', this.#findSeries.get(row), until) ?? added(this.#addSeries.run([...row, until]));
  }

  #metadataId({ value: text, digest, until }: Kept<string>): bigint {
    const hash = idOf(digest);
    return (
      this.#keep('metadata', this.#findMetadata.get([hash]), until) ??
      added(this.#addMetadata.run([hash, text, until]))
    );
  }

  /** The id of the row if it was found; it is then kept at least until `until`. */
  #keep(table: SharedTable, found: unknown, until: number): bigint | undefined {
    if (found === undefined) return undefined;
    const row = found as { readonly id: bigint; readonly until: bigint };
    if (row.until < until) this.#raise[table].run([until, row.id]);
    return row.id;
  }

  /** The hours of samples that come after their hour was rolled up, or began to be. */
  #markLate({ count, timestamps, series }: RowBatch, marked: bigint): void {
    const late = new Set<string>();
    for (let row = 0; row < count; row++) {
      const time = timestamps[row] as bigint;
      if (time >= marked) continue;
      const id = this.#series.get(series[row] as number);
      const hour = hourOf(time);
      const name = `${id} ${hour}`;
      if (!late.has(name)) this.#mark.run([id, hour]);
      late.add(name);
    }
  }

  writeRollups(statements: readonly RollupStatement[]): number {
    return this.#alone(() => {
      for (const [at, { text, parameters }] of statements.entries()) {
        const { changes } = this.#sqlite.prepare(text).run(parameters);
        // The first one takes the turn.
        if (at === 0 && changes === 0) return 0;
      }
      return 1;
    });
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
 * The ids of the rows for assigned numbers. The cache that assigns them is cleared when it holds `most`, and so never
 * uses older numbers than the last `most`.
 */
class RowIds {
  readonly #most: number;
  readonly #ids = new Map<number, bigint>();

  constructor(most: number) {
    this.#most = most;
  }

  add<Value>({ first, values }: Definitions<Value>, idOf: (row: Kept<Value>) => bigint): void {
    for (const [at, row] of values.entries()) this.#ids.set(first + at, idOf(row));
  }

  get(number: number): bigint {
    const id = this.#ids.get(number);
    if (id === undefined) throw new Error(`a sample refers to row ${number}, which the writer was never told`);
    return id;
  }

  /** Discards the oldest. Only between batches, because a batch may refer to the numbers it was the last to use. */
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

function added({ lastInsertRowid }: ReturnType<Statement['run']>): bigint {
  return lastInsertRowid;
}
