import type { Kysely, RawBuilder } from 'kysely';

import type { Schema } from '../schema.js';
import type { Snapshot } from './cursor.js';

/** What the databases keep in different ways of the table `samples`. */
export interface SampleTable {
  readonly messageId: RawBuilder<string>;
  /** The decimal text of the wire. */
  readonly volume: RawBuilder<string>;
  /**
   * What follows `from` in a query for the samples of one series, as `s`: found by an index that has them in the order of
   * timestamp and id. It ends in a condition; more may follow.
   *
   * @param series id
   */
  ofSeries(series: RawBuilder<unknown>): RawBuilder<unknown>;
  /** Whether a sample, as `s`, has this message id. */
  hasMessageId(messageId: string): RawBuilder<boolean>;
  /** What is there now. */
  snapshot(db: Kysely<Schema>): Promise<Snapshot>;
  /** Whether a sample, as `s`, was there: one that was recorded since was not. @throws CURSOR_INVALID for what is no snapshot */
  wasThere(snapshot: Snapshot): RawBuilder<boolean>;
  /**
   * A condition that always holds, and breaks the query off when nobody waits for it any more, for a database that is told so in no
   * other way. It is looked at for each row that is gone through.
   *
   * @param id of the row
   */
  isWanted?(id: RawBuilder<unknown>): RawBuilder<boolean>;
}
