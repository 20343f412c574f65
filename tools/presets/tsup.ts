import { copyFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

import { defineConfig } from 'tsup';

/** A dependency that is built into the package, where it is not worth its files; it must have no state that others share. */
export interface BuiltIn {
  readonly name: string;
  /** Its ES module, which what is not used can be left out of, and its licence, which goes along; in its folder. */
  readonly module: string;
  readonly licence: string;
}

/**
 * How every package is built: ES modules for Node 20 with their types, one file for each export.
 *
 * @param entry the sources behind the package's `exports` and `bin`, or by the names of the files that they become
 */
export const preset = (entry: string[] | Record<string, string>, builtIn: readonly BuiltIn[] = []) => {
  const names = builtIn.map(({ name }) => name);
  const inFolder = (name: string, file: string) =>
    join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), file);
  return defineConfig({
    entry,
    format: 'esm',
    target: 'node20',
    // Set by `npm start`, which runs what it builds and needs no declarations.
    dts: process.env['BUILD_TYPES'] !== 'no',
    sourcemap: true,
    clean: true,
    silent: true,
    noExternal: names,
    esbuildOptions(options) {
      options.alias = Object.fromEntries(builtIn.map(({ name, module }) => [name, inFolder(name, module)]));
    },
    async onSuccess() {
      for (const { name, licence } of builtIn)
        await copyFile(inFolder(name, licence), join('dist', `LICENSE.${name}.txt`));
    },
  });
};
