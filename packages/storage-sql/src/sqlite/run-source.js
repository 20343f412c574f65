/**
 * Stands for what the build bundles, where the sources run as they are, in tests: Node runs no TypeScript in a thread or process
 * of its own, and the transformers of test runners do not reach into it.
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import Module, { createRequire } from 'node:module';
import { basename } from 'node:path';
import { URL, fileURLToPath, pathToFileURL } from 'node:url';

const require = createRequire(import.meta.url);
const cache = fileURLToPath(new URL('../../node_modules/.cache/test-programs', import.meta.url));

/** @param {string} name of a file in this folder */
export function runSource(name) {
  const entry = fileURLToPath(new URL(name, import.meta.url));
  const module = new Module(entry);
  module.filename = entry;
  module.paths = require.resolve.paths('kysely');
  module._compile(bundleOf(entry, `${cache}/${basename(name)}.json`), entry);
}

/** From the file if none of its sources has changed: each store of a test starts threads, and bundling takes most of that. */
function bundleOf(entry, file) {
  const kept = read(file);
  if (kept !== undefined && kept.states.every(([path, state]) => stateOf(path) === state)) return kept.text;
  // The bundler of the build, which is a dependency of tsup's.
  const { buildSync } = createRequire(require.resolve('tsup'))('esbuild');
  const define = { 'import.meta.url': JSON.stringify(pathToFileURL(entry)) };
  const bundle = { bundle: true, format: 'cjs', platform: 'node', packages: 'external', write: false, define };
  const started = Date.now();
  const { metafile, outputFiles } = buildSync({
    ...bundle,
    entryPoints: [entry],
    absWorkingDir: '/',
    metafile: true,
  });
  const text = outputFiles[0].text;
  const paths = Object.keys(metafile.inputs).map((path) => `/${path}`);
  // One that was written meanwhile may have been read before.
  if (paths.every((path) => statSync(path).mtimeMs < started)) {
    mkdirSync(cache, { recursive: true });
    const written = `${file}.${randomUUID()}`;
    writeFileSync(written, JSON.stringify({ states: paths.map((path) => [path, stateOf(path)]), text }));
    renameSync(written, file);
  }
  return text;
}

function read(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Of a source that is gone: undefined. */
function stateOf(path) {
  const found = statSync(path, { throwIfNoEntry: false });
  return found && `${found.mtimeMs} ${found.size} ${found.ino}`;
}
