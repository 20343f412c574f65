import type { Generated } from 'kysely';

/** The tables after the last migration, as both databases show them. Every integer is a bigint. */
export interface Schema {
  series: SeriesTable;
  metadata: MetadataTable;
  samples: SamplesTable;
  retention: RetentionTable;
}

/** What identifies a row that samples refer to: a number in SQLite, the text of a UUID in PostgreSQL. */
export type Reference = bigint | string;

/** What the samples of one counter of one resource from one agent have in common. */
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
  /** The text of their messages without the values that differ: see core's `message-layout.ts`. */
  layout: string;
}

/** The text of `resource_metadata`, to which many samples refer. */
export interface MetadataTable {
  id: Generated<Reference>;
  text: string;
}

/** One row: how far what is recorded was removed. */
export interface RetentionTable {
  /** The last period (`periods.ts`) that is over, and the last of which the rows are gone that samples shared. */
  ended: bigint;
  swept: bigint;
  /** ns since 1970 UTC: some samples of before were removed; null when none ever was. */
  removed: bigint | null;
}

export interface SamplesTable {
  /** Grows with the order of recording. */
  id: Generated<bigint>;
  /** What the message is known by: see `message-key.ts`. */
  key: Uint8Array;
  /** Null where the key says it. */
  message_id: string | null;
  series_id: Reference;
  /** ns since 1970 UTC. */
  timestamp: bigint;
  volume: string;
  sequence: bigint | null;
  metadata_id: Reference | null;
  /** 32 bytes; null where the message has it written otherwise. */
  signature: Uint8Array | null;
  /** Values that are written otherwise than the columns give them: see core's `message-layout.ts`. */
  variations: string | null;
}
