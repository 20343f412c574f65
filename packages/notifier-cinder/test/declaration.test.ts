import { notifierPackageContract } from '@nephoscope/testing';

import { capture, captureNames } from './captures.js';
import { plugins } from './count.js';

notifierPackageContract({
  manifest: new URL('../package.json', import.meta.url),
  plugins,
  exchanges: ['cinder', 'openstack'],
  recorded: captureNames.map(capture),
  load: (path) => import(path),
});
