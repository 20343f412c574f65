import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { stabilityLevels } from '@nephoscope/runtime';

import { root } from './plugins.js';

/** The README of each package, with its stability below the title as the package.json states it. */
export async function packageReadmes(): Promise<Readonly<Record<string, string>>> {
  const folders = (await readdir(join(root, 'packages'))).sort();
  const pages = await Promise.all(
    folders.map(async (folder) => [`packages/${folder}/README.md`, await readme(folder)]),
  );
  return Object.fromEntries(pages) as Record<string, string>;
}

async function readme(folder: string): Promise<string> {
  const directory = join(root, 'packages', folder);
  const [manifest, text] = await Promise.all([
    readFile(join(directory, 'package.json'), 'utf8'),
    readFile(join(directory, 'README.md'), 'utf8'),
  ]);
  const stability = (JSON.parse(manifest) as { nephoscope?: { stability?: unknown } }).nephoscope?.stability;
  if (!(stabilityLevels as readonly unknown[]).includes(stability))
    throw new Error(
      `packages/${folder}/package.json: nephoscope.stability must be one of ${stabilityLevels.join(', ')}`,
    );
  const line = `Stability: [${String(stability)}](../../docs/stability.md)`;
  const stated = text.replace(/^(# .*\n)\n(?:Stability: .*\n\n)?/, (_, title: string) => `${title}\n${line}\n\n`);
  if (!stated.includes(`\n${line}\n`)) throw new Error(`packages/${folder}/README.md must begin with a title`);
  return stated;
}
