import type { Kysely, RawBuilder } from 'kysely';

import type { Schema } from '../schema.js';
import type { Snapshot } from './cursor.js';

/** The differences between the databases in how they store `samples`. */
export interface SampleTable {
  /** As 32 hexadecimal digits. */
  readonly key: RawBuilder<string>;
  /** As decimal text, as in the message. */
  readonly volume: RawBuilder<string>;
  /** As hexadecimal digits. A text costs less than bytes on its way from the database. */
  readonly signature: RawBuilder<string | null>;
  /**
   * The part after `from` in a query for the samples `s` of one series, found by an index in the order of timestamp and id. It
   * ends with a condition, to which others may be added.
   *
   * @param series id
   */
  ofSeries(series: RawBuilder<unknown>): RawBuilder<unknown>;
  /** Whether a sample, as `s`, has this message id. */
  hasMessageId(messageId: string): RawBuilder<boolean>;
  /** Identifies the rows that exist now. */
  snapshot(db: Kysely<Schema>): Promise<Snapshot>;
  /** Whether a sample `s` existed at the snapshot, and was not recorded later. @throws CURSOR_INVALID for an invalid snapshot */
  wasThere(snapshot: Snapshot): RawBuilder<boolean>;
  /**
   * A condition that is always true, but ends the query when nobody waits for its result any more. It is for a database that has no
   * other way to cancel, and is evaluated for each row that the query visits.
   *
   * @param id of the row
   */
  isWanted?(id: RawBuilder<unknown>): RawBuilder<boolean>;
}
