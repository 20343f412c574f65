import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import type { Plugin } from 'esbuild';

/**
 * Makes one file of a program of the tests and the sources that it imports, for tests that start it many times:
 * `node` starts that six times faster than `node --import tsx` starts the program, which compiles each file.
 *
 * @param packages where what it imports of packages comes from: their sources, or what the build has made of them
 * @returns the file's path; from there the dependencies of the program's package are found
 */
export async function bundle(script: URL, packages: 'sources' | 'built' = 'sources'): Promise<string> {
  const path = fileURLToPath(script);
  const folder = join(packageOf(path), 'node_modules/.cache/test-programs');
  await mkdir(folder, { recursive: true });
  const tsconfig = packages === 'sources' ? '../../tsconfig.json' : '../presets/tsconfig.json';
  const { outputFiles } = await build({
    ...{ entryPoints: [path], bundle: true, platform: 'node', format: 'esm', target: 'node20', write: false },
    // The build has these in their packages, too: to read their files would take a third of a program's start.
    alias: { rxjs: esModuleOf('rxjs'), kysely: esModuleOf('kysely') },
    ...{ packages: 'external', tsconfig: fileURLToPath(new URL(tsconfig, import.meta.url)) },
    plugins: [ownUrls],
    logLevel: 'warning',
  });
  const outfile = join(folder, basename(path).replace(/\.ts$/, '.mjs'));
  // As a whole: another test may start the one that is there.
  const written = `${outfile}.${randomUUID()}`;
  await writeFile(written, outputFiles[0]!.contents);
  await rename(written, outfile);
  return outfile;
}

const esModuleOf = (name: string) =>
  createRequire(import.meta.url)
    .resolve(name)
    .replace('/dist/cjs/', '/dist/esm/');

/** Each file still finds the files beside it. */
const ownUrls: Plugin = {
  name: 'own-urls',
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      const text = await readFile(path, 'utf8');
      return {
        contents: text.replaceAll(/\bimport\.meta\.url\b/g, JSON.stringify(pathToFileURL(path).href)),
        loader: 'ts',
      };
    });
  },
};

function packageOf(path: string): string {
  const folder = dirname(path);
  return existsSync(join(folder, 'package.json')) ? folder : packageOf(folder);
}
