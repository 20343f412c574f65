import { readFile } from 'node:fs/promises';

interface Locked {
  version?: string;
  optionalDependencies?: Record<string, string>;
}

const read = async (file: string) =>
  JSON.parse(await readFile(new URL(`../../../${file}`, import.meta.url), 'utf8'));

/** Where Node.js finds `name` from the package at `path`: in its own node_modules, or in that of a parent folder. */
function find(packages: Record<string, Locked>, path: string, name: string): Locked | undefined {
  for (let folder = path; ; folder = folder.slice(0, Math.max(folder.lastIndexOf('/'), 0))) {
    const found = packages[`${folder}/node_modules/${name}`.replace(/^\//, '')];
    if (found !== undefined || folder === '') return found;
  }
}

describe('package-lock.json', () => {
  // npm omits what a registry does not have at that moment, and then `npm ci` refuses the file elsewhere.
  it('contains the binaries of all platforms, in the version that their package requires', async () => {
    const { packages } = (await read('package-lock.json')) as { packages: Record<string, Locked> };
    const platforms = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
      Object.entries(optionalDependencies)
        .filter(([, version]) => /^\d/.test(version))
        .map(([name, version]) => ({ path, name, version })),
    );
    expect(platforms.length).toBeGreaterThan(100);
    const missing = platforms.filter(({ path, name, version }) => find(packages, path, name)?.version !== version);
    expect(missing).toEqual([]);
  });
});
