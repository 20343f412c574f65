import { defineSampleStore } from '@nephoscope/core/sample-store';

import { options } from './options.js';
import type { Options } from './options.js';
import { PostgresqlSampleStore } from './postgresql/postgresql-sample-store.js';
import { PostgresqlSampleReader } from './postgresql/reading/postgresql-sample-reader.js';
import { SqliteSampleReader } from './sqlite/reading/sqlite-sample-reader.js';
import { SqliteSampleStore } from './sqlite/sqlite-sample-store.js';

export type { Options } from './options.js';

export default defineSampleStore<Options>({
  options,
  create({ options: { url, tls }, ...settings }) {
    return typeof url === 'string'
      ? new SqliteSampleStore(url, settings)
      : new PostgresqlSampleStore({ url, tls }, settings);
  },
  createReader({ options: { url, tls }, ...settings }) {
    return typeof url === 'string'
      ? new SqliteSampleReader(url, settings)
      : new PostgresqlSampleReader({ url, tls }, settings);
  },
});
