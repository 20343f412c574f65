import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { SqliteModule } from '@photostructure/sqlite';

const require = createRequire(import.meta.url);
/** Where the build puts it, beside this program; otherwise the package that it is copied from. */
const built = join(dirname(fileURLToPath(import.meta.url)), 'prebuilds');

/** SQLite, compiled for this platform. */
export const { DatabaseSync } = load();

/** @throws Error if there is none for this platform, or it cannot be loaded */
function load(): SqliteModule {
  const folder = existsSync(built)
    ? built
    : join(dirname(require.resolve('@photostructure/sqlite/package.json')), 'prebuilds');
  const file = (libc: string) =>
    join(folder, `${process.platform}-${process.arch}`, `@photostructure+sqlite.${libc}.node`);
  try {
    return require(file('glibc')) as SqliteModule;
  } catch (error) {
    // A system has one of the two C libraries; other platforms have only one file.
    if (!existsSync(file('musl'))) throw error;
    try {
      return require(file('musl')) as SqliteModule;
    } catch {
      throw error;
    }
  }
}
