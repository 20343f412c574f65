import type { QueryConfig, QueryResult, QueryResultRow } from 'pg';

/** What can be asked, whoever opened it. */
export interface Queryable {
  /** False once it was lost or cut. */
  readonly usable: boolean;
  /** @throws what storeError() makes coded errors of */
  query<Row extends QueryResultRow>(query: QueryConfig): Promise<QueryResult<Row>>;
  close(): Promise<void>;
}
