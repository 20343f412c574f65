import type { RawBuilder } from 'kysely';

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
}
