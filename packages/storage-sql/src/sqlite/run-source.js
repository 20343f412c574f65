/**
 * Stands for what the build bundles, where the sources run as they are, in tests: Node runs no TypeScript in a thread or process
 * of its own, and the transformers of test runners do not reach into it.
 */
import Module, { createRequire } from 'node:module';
import { URL, fileURLToPath, pathToFileURL } from 'node:url';

/** @param {string} name of a file in this folder */
export function runSource(name) {
  const entry = fileURLToPath(new URL(name, import.meta.url));
  const require = createRequire(import.meta.url);
  // The bundler of the build, which is a dependency of tsup's.
  const { buildSync } = createRequire(require.resolve('tsup'))('esbuild');
  const define = { 'import.meta.url': JSON.stringify(pathToFileURL(entry)) };
  const bundle = { bundle: true, format: 'cjs', platform: 'node', packages: 'external', write: false, define };
  const { outputFiles } = buildSync({ ...bundle, entryPoints: [entry] });
  const module = new Module(entry);
  module.filename = entry;
  module.paths = require.resolve.paths('kysely');
  module._compile(outputFiles[0].text, entry);
}
