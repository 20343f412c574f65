/**
 * `tsx tools/build/check-packages.ts`: checks every package as npm would publish it, after the build. All in one process:
 * each tool would start, and read TypeScript, once for each package.
 */
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { packageProblems } from './package-problems.js';

interface Packed {
  readonly name: string;
  readonly files: readonly { readonly path: string }[];
}

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The folder of each package, by its name. */
const folders = new Map<string, string>();
for (const group of ['packages', 'examples'])
  for (const folder of await readdir(join(root, group))) {
    const manifest = await readFile(join(root, group, folder, 'package.json'), 'utf8');
    folders.set((JSON.parse(manifest) as Packed).name, join(root, group, folder));
  }

const pack = ['pack', '--dry-run', '--json', '--ignore-scripts', '--workspaces'];
const { stdout } = await promisify(execFile)('npm', pack, { cwd: root, maxBuffer: 2 ** 26, timeout: 120_000 });
const packed = JSON.parse(stdout) as Packed[];
if (packed.length !== folders.size) throw new Error(`npm packs ${packed.length} packages, not ${folders.size}`);
for (const { name, files } of packed) {
  const folder = folders.get(name) as string;
  const contents = files.map(async ({ path }) => [path, await readFile(join(folder, path))] as const);
  const problems = await packageProblems(new Map(await Promise.all(contents)));
  console.log(`${name}: ${problems.length === 0 ? 'no problems' : `${problems.length} problems`}`);
  for (const problem of problems) console.log(`  ${problem}`);
  if (problems.length > 0) process.exitCode = 1;
}
