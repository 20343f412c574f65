import { cp } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';

import { preset } from '../../tools/presets/tsup.js';

/** What is needed of it goes along: its package has more, and an install script. */
const sqlite = dirname(createRequire(import.meta.url).resolve('@photostructure/sqlite/package.json'));

export default preset(
  {
    index: 'src/index.ts',
    testing: 'src/testing.ts',
    'sqlite-file': 'src/sqlite-file.ts',
    'writer-thread': 'src/sqlite/thread-main.ts',
    'reader-thread': 'src/sqlite/reading/reader-main.ts',
    'migration-process': 'src/sqlite/migration-main.ts',
  },
  [{ name: 'kysely', module: 'dist/esm/index.js', licence: 'LICENSE' }],
  async () => {
    // Each platform has 2 MiB; no part of a deployment runs on Windows.
    await cp(join(sqlite, 'prebuilds'), join('dist', 'prebuilds'), {
      recursive: true,
      filter: (path) => !basename(path).startsWith('win32-'),
    });
    await cp(join(sqlite, 'LICENSE'), join('dist', 'LICENSE.sqlite.txt'));
  },
);
