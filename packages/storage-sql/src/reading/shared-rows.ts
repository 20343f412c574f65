import type { Kysely } from 'kysely';

import type { Reference, Schema } from '../schema.js';

/** What a sample has of its own. */
export interface OwnRow {
  readonly id: bigint;
  readonly series_id: Reference;
  readonly metadata_id: Reference | null;
  readonly key: string;
  readonly message_id: string | null;
  readonly timestamp: bigint;
  readonly volume: string;
  readonly sequence: bigint | null;
  readonly signature: string | null;
  readonly variations: string | null;
}

export type Row = OwnRow & Omit<SharedRow, 'id'> & { readonly metadata: string | null };

const columns = [
  'id',
  'source',
  'counter_name',
  'type',
  'unit',
  'user_id',
  'project_id',
  'resource_id',
  'epoch',
  'publisher_id',
  'layout',
] as const;

/** So many are kept. Samples of one time have as many series as there are. */
const mostSeries = 20_000;
/** Characters. */
const mostMetadata = 8_000_000;

/** What samples of a stream share: each series and each text of metadata is read once, and not with each of its samples. */
export class SharedRows {
  readonly #series = new Map<Reference, SharedRow>();
  readonly #metadata = new Map<Reference, string>();
  #characters = 0;

  /** The rows with what they share; without those that were removed meanwhile. */
  async joined(db: Kysely<Schema>, rows: readonly OwnRow[]): Promise<Row[]> {
    await this.#readSeries(db, rows);
    await this.#readMetadata(db, rows);
    const joined: Row[] = [];
    for (const row of rows) {
      const series = this.#series.get(row.series_id);
      const metadata = row.metadata_id === null ? null : this.#metadata.get(row.metadata_id);
      if (series !== undefined && metadata !== undefined) joined.push(together(row, series, metadata));
    }
    return joined;
  }

  async #readSeries(db: Kysely<Schema>, rows: readonly OwnRow[]): Promise<void> {
    if (this.#series.size > mostSeries) this.#series.clear();
    const missing = missingOf(
      rows.map((row) => row.series_id),
      this.#series,
    );
    if (missing.length === 0) return;
    for (const series of await seriesOf(db, missing)) this.#series.set(series.id, series);
  }

  async #readMetadata(db: Kysely<Schema>, rows: readonly OwnRow[]): Promise<void> {
    if (this.#characters > mostMetadata) {
      this.#metadata.clear();
      this.#characters = 0;
    }
    const missing = missingOf(
      rows.flatMap((row) => row.metadata_id ?? []),
      this.#metadata,
    );
    if (missing.length === 0) return;
    for (const { id, text } of await db
      .selectFrom('metadata')
      .where('id', 'in', missing)
      .select(['id', 'text'])
      .execute()) {
      this.#metadata.set(id, text);
      this.#characters += text.length;
    }
  }
}

function seriesOf(db: Kysely<Schema>, ids: readonly Reference[]) {
  return db.selectFrom('series').where('id', 'in', ids).select(columns).execute();
}

export type SharedRow = Awaited<ReturnType<typeof seriesOf>>[number];

function missingOf(ids: readonly Reference[], known: ReadonlyMap<Reference, unknown>): Reference[] {
  return [...new Set(ids)].filter((id) => !known.has(id));
}

/** Spreading would take several times as long. */
function together(row: OwnRow, series: SharedRow, metadata: string | null): Row {
  return {
    id: row.id,
    series_id: row.series_id,
    metadata_id: row.metadata_id,
    key: row.key,
    message_id: row.message_id,
    timestamp: row.timestamp,
    volume: row.volume,
    sequence: row.sequence,
    signature: row.signature,
    variations: row.variations,
    metadata,
    source: series.source,
    counter_name: series.counter_name,
    type: series.type,
    unit: series.unit,
    user_id: series.user_id,
    project_id: series.project_id,
    resource_id: series.resource_id,
    epoch: series.epoch,
    publisher_id: series.publisher_id,
    layout: series.layout,
  };
}
