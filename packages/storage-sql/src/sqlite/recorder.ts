import type { RecordResult, Sample } from '@nephoscope/core';

import { messageKey } from '../message-key.js';
import { SeriesCache } from '../series-cache.js';
import { int64, seriesColumns, seriesRow, storable } from '../storable.js';
import type { SqliteConnection } from './connection.js';

const columns = 'key message_id series_id timestamp volume sequence metadata_id signature variations'.split(' ');
/** Rows of one insert: the cost of a call is shared by that many. */
const rowsPerInsert = 100;

/** Writes batches. Its calls are synchronous, so that no statement of others gets into their transaction. */
export class Recorder {
  readonly #sqlite: SqliteConnection['sqlite'];
  readonly #insertMany;
  readonly #insertOne;
  readonly #removeOldest;
  readonly #known: SeriesCache<bigint>;

  constructor({ sqlite }: SqliteConnection) {
    this.#sqlite = sqlite;
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

    const findSeries = sqlite.prepare(
      `select id from series where ${seriesColumns.map((column) => `${column} is ?`).join(' and ')}`,
    );
    const addSeries = sqlite.prepare(
      `insert into series (${seriesColumns.join(', ')}) values (${seriesColumns.map(() => '?').join(', ')}) returning id`,
    );
    const addMetadata = sqlite.prepare('insert into metadata (text) values (?) returning id');
    this.#known = new SeriesCache({
      series(sample, layout) {
        const row = seriesRow(sample, layout);
        return firstId(findSeries.all(row)) ?? (firstId(addSeries.all(row)) as bigint);
      },
      // A text that was forgotten is stored once more; nothing else depends on it.
      metadata: (text) => firstId(addMetadata.all([text])) as bigint,
    });
  }

  /** All of the batch in one transaction, on disk when it returns; when it throws, nothing of it is there. */
  record(samples: readonly Sample[]): RecordResult {
    this.#sqlite.exec('begin immediate');
    try {
      const recorded = this.#insert(samples);
      this.#sqlite.exec('commit');
      return { recorded, duplicates: samples.length - recorded };
    } catch (error) {
      // What is known may name rows that are undone now.
      this.#known.forget();
      // Some failures, a full disk among them, have ended the transaction already.
      if (this.#sqlite.inTransaction) this.#sqlite.exec('rollback');
      throw error;
    }
  }

  /** Up to `limit` of those that are before `time` (ns), the oldest first. @returns how many */
  removeBefore(time: bigint, limit: number): number {
    return this.#removeOldest.run([time, limit]).changes;
  }

  #insert(samples: readonly Sample[]): number {
    let recorded = 0;
    const whole = samples.length - (samples.length % rowsPerInsert);
    for (let start = 0; start < whole; start += rowsPerInsert) {
      const values: unknown[] = [];
      for (let at = start; at < start + rowsPerInsert; at++) this.#appendRow(values, samples[at] as Sample);
      recorded += this.#insertMany.run(values).changes;
    }
    for (let at = whole; at < samples.length; at++) {
      const values: unknown[] = [];
      this.#appendRow(values, samples[at] as Sample);
      recorded += this.#insertOne.run(values).changes;
    }
    return recorded;
  }

  #appendRow(values: unknown[], sample: Sample): void {
    const { key, isId } = messageKey(sample.messageId);
    const { series, metadata, signature, variations } = this.#known.of(sample);
    values.push(
      key,
      isId ? null : storable(sample.messageId),
      series,
      int64(sample, 'timestamp'),
      sample.volume,
      int64(sample, 'sequence'),
      metadata,
      signature === null ? null : Buffer.from(signature, 'hex'),
      variations,
    );
  }
}

function firstId(rows: readonly unknown[]): bigint | undefined {
  return (rows[0] as { id: bigint } | undefined)?.id;
}
