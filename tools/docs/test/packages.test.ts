import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { root } from '../plugins.js';

interface Manifest {
  readonly description: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

const { mayImport } = (await import(join(root, 'tools/presets/packages.mjs'))) as {
  readonly mayImport: Readonly<Record<string, readonly string[]>>;
};
const read = (...path: string[]) => readFile(join(root, ...path), 'utf8');
const folders = await readdir(join(root, 'packages'));

/** The row of a package in docs/architecture.md. */
async function rowOf(folder: string): Promise<readonly string[] | undefined> {
  const page = await read('docs/architecture.md');
  const line = page.split('\n').find((text) => text.startsWith(`| [\`${folder}\`](`));
  return line?.split('|').map((cell) => cell.trim());
}

describe.each(folders)('the package %s', (folder) => {
  it('states its purpose in one sentence, the same in package.json, README.md and docs/architecture.md', async () => {
    const { description } = JSON.parse(await read('packages', folder, 'package.json')) as Manifest;
    const [, , paragraph = ''] = (await read('packages', folder, 'README.md')).split('\n\n');
    expect(paragraph.replace(/\s+/g, ' ').slice(0, description.length + 1)).toBe(`${description}.`);
    expect((await rowOf(folder))?.[2]).toBe(description);
  });

  it('imports only the packages in docs/architecture.md, as the linter enforces, and depends on them', async () => {
    const allowed = [...(mayImport[folder] ?? [])].sort();
    expect((await rowOf(folder))?.[3]?.split(', ').sort()).toEqual(allowed.length === 0 ? ['–'] : allowed);
    const { dependencies, peerDependencies } = JSON.parse(
      await read('packages', folder, 'package.json'),
    ) as Manifest;
    const needed = Object.keys({ ...dependencies, ...peerDependencies });
    expect(needed).toEqual(expect.arrayContaining(allowed.map((name) => `@nephoscope/${name}`)));
  });
});
