import type { Generated } from 'kysely';

/** The tables after the last migration, in the common form of both databases. Every integer is a bigint. */
export interface Schema {
  series: SeriesTable;
  metadata: MetadataTable;
  samples: SamplesTable;
  retention: RetentionTable;
  rollup_state: RollupStateTable;
  rollup_series: RollupSeriesTable;
  rollup_owners: RollupOwnersTable;
  rollups: RollupsTable;
  rollup_marks: RollupMarksTable;
}

/** Identifies a shared row: a number in SQLite, the text of a UUID in PostgreSQL. */
export type Reference = bigint | string;

/** The common part of the samples of one counter, resource and agent. */
export interface SeriesTable {
  id: Generated<Reference>;
  source: string;
  counter_name: string;
  type: string;
  unit: string | null;
  user_id: string | null;
  project_id: string | null;
  resource_id: string;
  epoch: string | null;
  publisher_id: string | null;
  /** The text of their messages without the values that differ: see `message-layout.ts`. */
  layout: string;
}

/** The text of `resource_metadata`, shared by many samples. */
export interface MetadataTable {
  id: Generated<Reference>;
  text: string;
  /** The last period (`periods.ts`) that the row is kept for. */
  until: bigint;
}

/** One row: how far samples were removed. */
export interface RetentionTable {
  /** The last period (`periods.ts`) that is over, and the last one whose shared rows were removed. */
  ended: bigint;
  swept: bigint;
  /** ns since 1970 UTC: samples before this were removed; null if none ever was. */
  removed: bigint | null;
  /** ns since 1970 UTC: recording an older sample adds a row to `rollup_marks`; null before anything is rolled up. */
  marked: bigint | null;
}

/** One row. */
export interface RollupStateTable {
  /** Increases with each change of rollups: who has read it at another value changes nothing. */
  turn: bigint;
  /** ns since 1970 UTC, a full hour: what is older is rolled up. Null before anything is. */
  rolled: bigint | null;
}

/** A series as figures know it: one meter of one resource, whoever owns it. Ids are derived from the content, as are those of owners. */
export interface RollupSeriesTable {
  id: string;
  resource_id: string;
  counter_name: string;
  source: string;
  type: string;
  unit: string | null;
}

/** Who owned a series at any time. */
export interface RollupOwnersTable {
  id: string;
  series: string;
  project_id: string | null;
  user_id: string | null;
}

/** What a series did on one day (UTC). */
export interface RollupsTable {
  series: string;
  /** Days since 1970-01-01. */
  day: bigint;
  /** The spans of its hours, and that of the whole day: see `encodeSpans`. */
  hours: Uint8Array;
  whole: Uint8Array;
}

/** Hours (ns since 1970 UTC) of series that were recorded late. */
export interface RollupMarksTable {
  id: Generated<bigint>;
  series_id: Reference;
  hour: bigint;
}

export interface SamplesTable {
  /** Increases in the order of recording. */
  id: Generated<bigint>;
  /** Identifies the message: see `message-key.ts`. */
  key: Uint8Array;
  /** Null if it is derived from the key. */
  message_id: string | null;
  series_id: Reference;
  /** ns since 1970 UTC. */
  timestamp: bigint;
  volume: string;
  sequence: bigint | null;
  metadata_id: Reference | null;
  /** 32 bytes; null if the message has it in another notation. */
  signature: Uint8Array | null;
  /** Values whose notation the columns do not reproduce: see `message-layout.ts`. */
  variations: string | null;
}
