import type { Generated } from 'kysely';

/** The tables after the last migration, as both databases show them. Every integer is a bigint. */
export interface Schema {
  series: SeriesTable;
  metadata: NamedTable;
  publishers: NamedTable;
  samples: SamplesTable;
}

/** What identifies a row that samples refer to: a number in SQLite, the text of a UUID in PostgreSQL. */
export type Reference = bigint | string;

/** What the samples of one counter of one resource have in common. */
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
}

/** A text that many samples refer to. */
export interface NamedTable {
  id: Generated<Reference>;
  text: string;
}

/** The message as it was received is `head`, the text of the metadata, `tail`, one after the other. */
export interface SamplesTable {
  /** Grows with the order of recording. */
  id: Generated<bigint>;
  message_id: string;
  series_id: Reference;
  /** ns since 1970 UTC. */
  timestamp: bigint;
  volume: string;
  publisher_id: Reference | null;
  sequence: bigint | null;
  head: string;
  metadata_id: Reference | null;
  tail: string;
}
