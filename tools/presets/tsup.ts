import { defineConfig } from 'tsup';

/**
 * How every package is built: ES modules for Node 20 with their types, one file for each export.
 *
 * @param entry the sources behind the package's `exports` and `bin`, or by the names of the files that they become
 */
export const preset = (entry: string[] | Record<string, string>) =>
  defineConfig({
    entry,
    format: 'esm',
    target: 'node20',
    // Set by `npm start`, which runs what it builds and needs no declarations.
    dts: process.env['BUILD_TYPES'] !== 'no',
    sourcemap: true,
    clean: true,
    silent: true,
  });
