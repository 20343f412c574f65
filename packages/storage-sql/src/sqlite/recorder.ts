import type { RecordResult, Sample } from '@nephoscope/core';

import { messageParts } from '../message-parts.js';
import { int64, seriesColumns, seriesOf, seriesRow, storable } from '../storable.js';
import type { SqliteConnection } from './connection.js';

const columns = 'message_id series_id timestamp volume publisher_id sequence head metadata_id tail'.split(' ');
/** Rows of one insert: the cost of a call is shared by that many. */
const rowsPerInsert = 100;

/** How many repeated texts are remembered. A text that was forgotten is stored once more; nothing else depends on it. */
const remembered = { series: 100_000, metadata: 10_000, publishers: 10_000 };

/** Writes batches. Its calls are synchronous, so that no statement of others gets into their transaction. */
export class Recorder {
  readonly #sqlite: SqliteConnection['sqlite'];
  readonly #insertMany;
  readonly #insertOne;
  readonly #series;
  readonly #metadata;
  readonly #publishers;
  readonly #removeOldest;

  constructor({ sqlite }: SqliteConnection) {
    this.#sqlite = sqlite;
    const insert = (rows: number) => {
      const values = Array.from({ length: rows }, () => `(${columns.map(() => '?').join(', ')})`);
      return sqlite.prepare(
        `insert into samples (${columns.join(', ')}) values ${values.join(', ')} on conflict (message_id) do nothing`,
      );
    };
    this.#insertMany = insert(rowsPerInsert);
    this.#insertOne = insert(1);

    this.#removeOldest = sqlite.prepare(
      'delete from samples where id in (select id from samples where timestamp < ? order by timestamp limit ?)',
    );

    const findSeries = sqlite.prepare(
      `select id from series where resource_id = ? and counter_name = ? and source = ? and type = ?
         and unit is ? and user_id is ? and project_id is ? and epoch is ?`,
    );
    const addSeries = sqlite.prepare(
      `insert into series (${seriesColumns.join(', ')}) values (?, ?, ?, ?, ?, ?, ?, ?) returning id`,
    );
    this.#series = new Ids(remembered.series, (series) => {
      const row = seriesRow(series);
      return firstId(findSeries.all(row)) ?? firstId(addSeries.all(row));
    });
    const addMetadata = sqlite.prepare('insert into metadata (text) values (?) returning id');
    this.#metadata = new Ids(remembered.metadata, (text) => firstId(addMetadata.all([text])));
    const addPublisher = sqlite.prepare(
      'insert into publishers (text) values (?) on conflict (text) do update set text = excluded.text returning id',
    );
    this.#publishers = new Ids(remembered.publishers, (text) => firstId(addPublisher.all([storable(text)])));
  }

  /** All of the batch in one transaction, on disk when it returns; when it throws, nothing of it is there. */
  record(samples: readonly Sample[]): RecordResult {
    this.#sqlite.exec('begin immediate');
    try {
      const recorded = this.#insert(samples);
      this.#sqlite.exec('commit');
      return { recorded, duplicates: samples.length - recorded };
    } catch (error) {
      // These may name rows that are undone now.
      this.#series.forget();
      this.#metadata.forget();
      this.#publishers.forget();
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
    const { head, metadata, tail } = messageParts(sample.text);
    values.push(
      storable(sample.messageId),
      this.#series.of(seriesOf(sample)),
      int64(sample, 'timestamp'),
      sample.volume,
      sample.publisherId === null ? null : this.#publishers.of(sample.publisherId),
      int64(sample, 'sequence'),
      head,
      metadata === null ? null : this.#metadata.of(metadata),
      tail,
    );
  }
}

function firstId(rows: readonly unknown[]): bigint | undefined {
  return (rows[0] as { id: bigint } | undefined)?.id;
}

/** Ids of texts that stand in the database, found once. */
class Ids {
  readonly #limit: number;
  readonly #findOrAdd: (text: string) => bigint | undefined;
  readonly #ids = new Map<string, bigint>();

  constructor(limit: number, findOrAdd: (text: string) => bigint | undefined) {
    this.#limit = limit;
    this.#findOrAdd = findOrAdd;
  }

  of(text: string): bigint {
    const known = this.#ids.get(text);
    if (known !== undefined) return known;
    const id = this.#findOrAdd(text);
    if (id === undefined) throw new Error(`the database gave no id for ${text.slice(0, 100)}`);
    if (this.#ids.size >= this.#limit) this.#ids.clear();
    this.#ids.set(text, id);
    return id;
  }

  forget(): void {
    this.#ids.clear();
  }
}
