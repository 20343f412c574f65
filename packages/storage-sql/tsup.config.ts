import { cp } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

import { preset } from '../../tools/presets/tsup.js';

/** What is needed of it goes along: its package has more, and an install script. */
const sqlite = dirname(createRequire(import.meta.url).resolve('@photostructure/sqlite/package.json'));

export default {
  ...preset({ index: 'src/index.ts', 'writer-thread': 'src/sqlite/thread-main.ts' }),
  async onSuccess() {
    await cp(join(sqlite, 'prebuilds'), join('dist', 'prebuilds'), { recursive: true });
    await cp(join(sqlite, 'LICENSE'), join('dist', 'LICENSE.sqlite.txt'));
  },
};
