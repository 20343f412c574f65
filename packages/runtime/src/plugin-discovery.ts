import { existsSync, readFileSync, readdirSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { NephoscopeError } from '@nephoscope/core';
import type { Namespace } from '@nephoscope/core';

/**
 * The stability level of a package as declared by its author: `nephoscope.stability` in package.json. For what each
 * level promises see docs/stability.md.
 */
export const stabilityLevels = ['stable', 'beta', 'experimental'] as const;
export type Stability = (typeof stabilityLevels)[number];

const known: Readonly<Record<Namespace, true>> = {
  'poll.compute': true,
  'poll.central': true,
  collector: true,
  'compute.virt': true,
  storage: true,
  bus: true,
};

/** Where plugins are declared: the keys of `nephoscope` in a package.json. */
export const namespaces = Object.keys(known) as readonly Namespace[];

/** Plugin names: `cpu`, `network_floatingip`. */
const pluginName = /^[a-z][a-z0-9_]{0,62}$/;

/** A plugin as declared by its package; none of its code has been run. */
export interface DeclaredPlugin {
  readonly namespace: Namespace;
  readonly name: string;
  readonly packageName: string;
  readonly packageVersion: string;
  readonly packageDirectory: string;
  /** Undefined if the package declares none. */
  readonly stability?: Stability | undefined;
  /** The export of the package that contains it: `.` or `./cpu`. */
  readonly export: string;
}

interface Manifest {
  readonly name?: string;
  readonly version?: string;
  readonly dependencies?: Record<string, string>;
  readonly optionalDependencies?: Record<string, string>;
  readonly nephoscope?: unknown;
}

/**
 * Every plugin activated by its installation: those declared (`nephoscope` in package.json) by the program itself, by
 * its direct dependencies, and by the direct dependencies of the deployment in which it is installed. Transitive
 * dependencies are ignored.
 *
 * @param programDirectory the folder of the program's own package.json
 * @throws PLUGIN_DECLARATION if a declaration is invalid, PLUGIN_TWICE if two packages declare the same name
 */
export function discoverPlugins(programDirectory: string): readonly DeclaredPlugin[] {
  const found = new Map<string, DeclaredPlugin>();
  const packages = new Set<string>();
  for (const directory of declaringDirectories(realpathSync(programDirectory))) {
    const manifest = readManifest(directory);
    // The deployment's copy of a package comes first and replaces any other copy.
    if (manifest.name !== undefined && packages.has(manifest.name)) continue;
    packages.add(manifest.name ?? directory);
    for (const plugin of declarations(directory, manifest)) {
      const key = `${plugin.namespace} ${plugin.name}`;
      const other = found.get(key);
      if (other !== undefined) {
        throw new NephoscopeError(
          'PLUGIN_TWICE',
          `two packages declare the plugin '${plugin.name}' for '${plugin.namespace}': ${origin(other)} and ${origin(plugin)}; uninstall one of them`,
        );
      }
      found.set(key, plugin);
    }
  }
  return [...found.values()].sort(
    (a, b) => a.namespace.localeCompare(b.namespace) || a.name.localeCompare(b.name),
  );
}

/** `@scope/package@1.2.3 (directory)`, for messages. */
export function origin(plugin: DeclaredPlugin): string {
  return `${plugin.packageName}@${plugin.packageVersion} (${plugin.packageDirectory})`;
}

function declaringDirectories(program: string): Set<string> {
  const directories = new Set<string>();
  const deployment = deploymentDirectory(program);
  if (deployment !== undefined) {
    if (existsSync(join(deployment, 'package.json'))) addDependencies(directories, deployment);
    else for (const name of installedNames(deployment)) addInstalled(directories, deployment, name);
  }
  directories.add(program);
  addDependencies(directories, program);
  return directories;
}

/**
 * The directory in which the operator ran `npm install`: the one above the outermost node_modules; none in a source
 * checkout.
 */
function deploymentDirectory(program: string): string | undefined {
  const marker = join('/', 'node_modules', '/');
  const at = program.indexOf(marker);
  return at < 0 ? undefined : program.slice(0, at) || '/';
}

function addDependencies(directories: Set<string>, of: string): void {
  const { dependencies = {}, optionalDependencies = {} } = readManifest(of);
  for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
    if (addInstalled(directories, of, name) || name in optionalDependencies) continue;
    throw new NephoscopeError(
      'PLUGIN_DECLARATION',
      `${name} is a dependency in ${join(of, 'package.json')} and is not installed: run npm install there`,
    );
  }
}

/** A global install has no package.json: everything at the top of its node_modules was installed by name. */
function installedNames(deployment: string): string[] {
  const root = join(deployment, 'node_modules');
  return readdirSync(root).flatMap((name) => {
    if (name.startsWith('.')) return [];
    return name.startsWith('@') ? readdirSync(join(root, name)).map((inner) => `${name}/${inner}`) : [name];
  });
}

/** Node's own lookup: whether a node_modules directory upwards has the package. */
function addInstalled(directories: Set<string>, from: string, name: string): boolean {
  for (let directory = from; ; directory = dirname(directory)) {
    const candidate = join(directory, 'node_modules', name);
    if (existsSync(join(candidate, 'package.json'))) {
      directories.add(realpathSync(candidate));
      return true;
    }
    if (directory === dirname(directory)) return false;
  }
}

function readManifest(directory: string): Manifest {
  const path = join(directory, 'package.json');
  try {
    const manifest: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (!isRecord(manifest)) throw new TypeError('it is not an object');
    return manifest;
  } catch (error) {
    throw new NephoscopeError('PLUGIN_DECLARATION', `cannot read ${path}: fix it, or reinstall its package`, {
      cause: error,
    });
  }
}

function declarations(directory: string, manifest: Manifest): DeclaredPlugin[] {
  if (manifest.nephoscope === undefined) return [];
  const refuse = (problem: string) =>
    new NephoscopeError('PLUGIN_DECLARATION', `'nephoscope' in ${join(directory, 'package.json')}: ${problem}`);
  if (!isRecord(manifest.nephoscope)) throw refuse('must be an object of namespaces');
  const { stability, ...declared } = manifest.nephoscope;
  if (stability !== undefined && !isStability(stability))
    throw refuse(`'stability' must be one of ${stabilityLevels.join(', ')}`);
  return Object.entries(declared).flatMap(([namespace, plugins]) => {
    if (!isNamespace(namespace))
      throw refuse(`there is no namespace '${namespace}'; there are ${namespaces.join(', ')}`);
    if (!isRecord(plugins)) throw refuse(`'${namespace}' must be an object of names`);
    return Object.entries(plugins).map(([name, target]) => {
      if (!pluginName.test(name))
        throw refuse(`'${name}' is not a plugin name: use a-z, 0-9 and _, a letter first`);
      if (typeof target !== 'string' || !/^\.(\/.+)?$/.test(target))
        throw refuse(`'${name}' must name an export of the package, such as './${name}'`);
      return {
        namespace,
        name,
        packageName: manifest.name ?? directory,
        packageVersion: manifest.version ?? '0.0.0',
        packageDirectory: directory,
        stability,
        export: target,
      };
    });
  });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isStability(value: unknown): value is Stability {
  return (stabilityLevels as readonly unknown[]).includes(value);
}

function isNamespace(text: string): text is Namespace {
  return (namespaces as readonly string[]).includes(text);
}
