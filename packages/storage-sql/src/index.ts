import { defineSampleStore } from '@nephoscope/core';

import { options } from './options.js';
import type { Options } from './options.js';
import { SqlSampleStore } from './sql-sample-store.js';

export type { Options } from './options.js';

export default defineSampleStore<Options>({
  options,
  create: (settings) => new SqlSampleStore(settings),
});
