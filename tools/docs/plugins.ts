import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { asPlugin } from '@nephoscope/core';
import type { Namespace, Plugin } from '@nephoscope/core';
import { namespaces } from '@nephoscope/runtime';

export const root = fileURLToPath(new URL('../..', import.meta.url));

export interface FirstPartyPlugin {
  readonly namespace: Namespace;
  readonly name: string;
  readonly packageName: string;
  readonly directory: string;
  /** The export of the package that holds it. */
  readonly target: string;
  readonly plugin: Plugin;
}

/** Every plugin that a package of this repository declares, imported from its sources. */
export async function firstPartyPlugins(): Promise<readonly FirstPartyPlugin[]> {
  const plugins: FirstPartyPlugin[] = [];
  for (const folder of (await readdir(join(root, 'packages'))).sort()) {
    const directory = join(root, 'packages', folder);
    const manifest = JSON.parse(await readFile(join(directory, 'package.json'), 'utf8')) as {
      readonly name: string;
      readonly nephoscope?: Partial<Record<Namespace, Readonly<Record<string, string>>>>;
    };
    for (const namespace of namespaces) {
      for (const [name, target] of Object.entries(manifest.nephoscope?.[namespace] ?? {})) {
        const source = join(directory, 'src', `${target === '.' ? 'index' : target}.ts`);
        const module = (await import(source)) as { readonly default: unknown };
        plugins.push({
          namespace,
          name,
          packageName: manifest.name,
          directory,
          target,
          plugin: asPlugin(module.default, namespace, source),
        });
      }
    }
  }
  return plugins;
}

/** The same as an installation of all of them declares them, of which the built code is loaded. */
export async function declaredPlugins() {
  const plugins = await firstPartyPlugins();
  return plugins.map(({ namespace, name, packageName, directory, target }) => ({
    namespace,
    name,
    packageName,
    packageVersion: '0.1.0',
    packageDirectory: directory,
    export: target,
  }));
}
