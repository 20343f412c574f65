import { copyFile, cp } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';

import { defineConfig } from 'tsup';

/** A dependency that is built into the package, where it is not worth its files; it must have no state that others share. */
export interface BuiltIn {
  readonly name: string;
  /** Its ES module, which what is not used can be left out of, and its licence, which goes along; in its folder. */
  readonly module: string;
  readonly licence: string;
}

/** Set by `npm start`, which runs what it builds and needs no declarations. */
const withTypes = process.env['BUILD_TYPES'] !== 'no';

/**
 * How every package is built: ES modules for Node 20, one file for each export, with the declarations that
 * tools/build/declarations.ts has made of all packages.
 *
 * @param entry the sources behind the package's `exports` and `bin`, or by the names of the files that they become
 * @param also is done when `dist` has these
 */
export const preset = (
  entry: string[] | Record<string, string>,
  builtIn: readonly BuiltIn[] = [],
  also: () => Promise<void> = async () => undefined,
) => {
  const names = builtIn.map(({ name }) => name);
  const inFolder = (name: string, file: string) => {
    // Not every package exports its package.json.
    const path = createRequire(import.meta.url).resolve(name);
    const folder = `/node_modules/${name}/`;
    return path.slice(0, path.lastIndexOf(folder) + folder.length) + file;
  };
  return defineConfig({
    entry,
    format: 'esm',
    target: 'node20',
    sourcemap: true,
    clean: true,
    silent: true,
    noExternal: names,
    esbuildOptions(options) {
      // What is published names places in the sources, and has not a second copy of them.
      options.sourcesContent = false;
      options.alias = Object.fromEntries(builtIn.map(({ name, module }) => [name, inFolder(name, module)]));
    },
    async onSuccess() {
      if (withTypes)
        await cp(join('../../dist/declarations', basename(process.cwd())), 'dist', { recursive: true });
      for (const { name, licence } of builtIn)
        await copyFile(inFolder(name, licence), join('dist', `LICENSE.${name}.txt`));
      await also();
    },
  });
};
