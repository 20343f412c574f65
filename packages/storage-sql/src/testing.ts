/**
 * The store on PostgreSQL with limits of the caller's, for tests that cut its connection, such as `npm run test:chaos`. It changes
 * with the store, without notice.
 */
export { PostgresqlSampleStore } from './postgresql/postgresql-sample-store.js';
export { PostgresqlUrl } from './postgresql/postgresql-url.js';
export { PostgresqlSampleReader } from './postgresql/reading/postgresql-sample-reader.js';
