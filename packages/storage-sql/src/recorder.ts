import { NephoscopeError } from '@nephoscope/core';
import type { RecordResult, Sample } from '@nephoscope/core';

import { metadataSpan } from './metadata-span.js';
import type { SqliteConnection } from './sqlite.js';
import { storable } from './storable.js';

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

    const findSeries = sqlite.prepare(
      `select id from series where resource_id = ? and counter_name = ? and source = ? and type = ?
         and unit is ? and user_id is ? and project_id is ? and epoch is ?`,
    );
    const addSeries = sqlite.prepare(
      `insert into series (resource_id, counter_name, source, type, unit, user_id, project_id, epoch)
         values (?, ?, ?, ?, ?, ?, ?, ?) returning id`,
    );
    this.#series = new Ids(remembered.series, (identity) => {
      const row = (JSON.parse(identity) as (string | null)[]).map(storable);
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
    const { text } = sample;
    const { resourceId, meter, source, type, unit, userId, projectId, epoch } = sample;
    const identity = [resourceId, meter, source, type, unit, userId, projectId, epoch];
    const span = metadataSpan(text);
    values.push(
      storable(sample.messageId),
      this.#series.of(JSON.stringify(identity)),
      int64(sample, 'timestamp'),
      sample.volume,
      sample.publisherId === null ? null : this.#publishers.of(sample.publisherId),
      int64(sample, 'sequence'),
      span === null ? text : text.slice(0, span[0]),
      span === null ? null : this.#metadata.of(text.slice(...span)),
      span === null ? '' : text.slice(span[1]),
    );
  }
}

function int64(sample: Sample, field: 'timestamp' | 'sequence'): bigint | null {
  const value = sample[field];
  if (value !== null && BigInt.asIntN(64, value) !== value) {
    throw new NephoscopeError(
      'SAMPLE_INVALID',
      `${field} ${value} of message ${sample.messageId} does not fit into 64 bits`,
    );
  }
  return value;
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
