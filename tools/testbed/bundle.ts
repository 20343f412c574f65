import { mkdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/**
 * Makes one file of a program of the tests and the sources that it imports, for tests that start it many times:
 * `node` starts that six times faster than `node --import tsx` starts the program, which compiles each file.
 *
 * @param script the program, in `packages/NAME/test`
 * @returns the file's path; from there the package's dependencies are found
 */
export async function bundle(script: URL): Promise<string> {
  const path = fileURLToPath(script);
  const folder = join(dirname(path), '../node_modules/.cache/test-programs');
  await mkdir(folder, { recursive: true });
  const outfile = join(folder, basename(path).replace(/\.ts$/, '.mjs'));
  await build({
    ...{ entryPoints: [path], outfile, bundle: true, platform: 'node', format: 'esm', target: 'node20' },
    ...{ packages: 'external', tsconfig: fileURLToPath(new URL('../../tsconfig.json', import.meta.url)) },
    logLevel: 'warning',
  });
  return outfile;
}
