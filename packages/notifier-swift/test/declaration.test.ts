import { notifierPackageContract } from '@nephoscope/testing';

import { plugins } from './count.js';

notifierPackageContract({
  manifest: new URL('../package.json', import.meta.url),
  plugins,
  exchanges: ['swift'],
  load: (path) => import(path),
});
