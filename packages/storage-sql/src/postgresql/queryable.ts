import type { QueryConfig, QueryResult, QueryResultRow } from 'pg';

/** Accepts queries, whoever opened it. */
export interface Queryable {
  /** False once it was lost or closed. */
  readonly usable: boolean;
  /** @throws the coded errors of storeError() */
  query<Row extends QueryResultRow>(query: QueryConfig): Promise<QueryResult<Row>>;
  close(): Promise<void>;
}
