import type { Generated } from 'kysely';

/** The tables after the last migration. Every integer is a bigint. */
export interface Schema {
  series: SeriesTable;
  metadata: NamedTable;
  publishers: NamedTable;
  samples: SamplesTable;
}

/** What the samples of one counter of one resource have in common. */
export interface SeriesTable {
  id: Generated<bigint>;
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
  id: Generated<bigint>;
  text: string;
}

/** The message as it was received is `head`, the text of the metadata, `tail`, one after the other. */
export interface SamplesTable {
  id: Generated<bigint>;
  message_id: string;
  series_id: bigint;
  /** ns since 1970 UTC. */
  timestamp: bigint;
  /** The decimal text of the wire. */
  volume: string;
  publisher_id: bigint | null;
  sequence: bigint | null;
  head: string;
  metadata_id: bigint | null;
  tail: string;
}
