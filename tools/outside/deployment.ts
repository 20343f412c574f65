import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { run } from '../testbed/processes.js';

const root = fileURLToPath(new URL('../../', import.meta.url));

/**
 * The environment of an operator's shell: without this project's variables, which the programs read, and those that
 * `npm test` sets.
 */
const environment = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) =>
      !/^(NEPHOSCOPE_|npm_(package|lifecycle|config_local_prefix|command)|INIT_CWD|NODE_OPTIONS)/.test(name),
  ),
);

/** Packages as a registry has them: the file of each, by its name. */
export type Tarballs = ReadonlyMap<string, string>;

/** A package that a test makes up. */
export interface MadePackage {
  readonly manifest: { readonly name: string } & Readonly<Record<string, unknown>>;
  /** The code of its `index.js`. */
  readonly code: string;
}

export interface Ended {
  readonly code: number;
  readonly stderr: string;
}

/**
 * Packs all packages and examples of this repository, and those that the test made up.
 *
 * @throws Error when a package is not built
 */
export async function packAll(directory: string, made: readonly MadePackage[]): Promise<Tarballs> {
  const folders: string[] = [];
  for (const parent of ['packages', 'examples']) {
    for (const name of await readdir(join(root, parent))) {
      const folder = join(root, parent, name);
      if (!existsSync(join(folder, 'package.json'))) continue;
      if (!existsSync(join(folder, 'dist'))) throw new Error(`${folder} is not built: type npm run build`);
      folders.push(folder);
    }
  }
  for (const { manifest, code } of made) {
    const folder = join(directory, 'made', manifest.name);
    await mkdir(folder, { recursive: true });
    await writeFile(
      join(folder, 'package.json'),
      JSON.stringify({ version: '1.0.0', type: 'module', exports: './index.js', ...manifest }),
    );
    await writeFile(join(folder, 'index.js'), code);
    folders.push(folder);
  }
  const out = await run(
    'npm',
    ['pack', '--json', '--ignore-scripts', '--pack-destination', directory, ...folders],
    { env: environment },
  );
  const packed = JSON.parse(out) as readonly { name: string; filename: string }[];
  return new Map(packed.map(({ name, filename }) => [name, join(directory, filename)]));
}

/** A folder that an operator installed Nephoscope in. */
export class Deployment {
  readonly directory: string;
  readonly #tarballs: Tarballs;

  readonly #names: readonly string[];

  private constructor(directory: string, tarballs: Tarballs, names: readonly string[]) {
    this.directory = directory;
    this.#tarballs = tarballs;
    this.#names = names;
  }

  /** Installs the named packages in an empty directory. Packages with a tarball are not requested from the registry. */
  static async install(tarballs: Tarballs, names: readonly string[]): Promise<Deployment> {
    const deployment = new Deployment(await newFolder(), tarballs, names);
    await deployment.#npmInstall();
    return deployment;
  }

  /** A copy of the directory with these packages in addition. */
  async with(...names: readonly string[]): Promise<Deployment> {
    const copy = new Deployment(await newFolder(), this.#tarballs, [...this.#names, ...names]);
    await cp(this.directory, copy.directory, { recursive: true, verbatimSymlinks: true });
    await copy.#npmInstall();
    return copy;
  }

  async #npmInstall(): Promise<void> {
    const overrides = Object.fromEntries([...this.#tarballs].map(([name, file]) => [name, `file:${file}`]));
    const dependencies = Object.fromEntries(this.#names.map((name) => [name, overrides[name]]));
    await writeFile(
      join(this.directory, 'package.json'),
      JSON.stringify({ private: true, dependencies, overrides }, undefined, 2),
    );
    const options = ['--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
    await run('npm', ['install', ...options, '--prefix', this.directory], { env: environment, deadline: 90_000 });
  }

  /** Names of the packages of a scope that lie in its node_modules, also further down. */
  async installed(scope: string): Promise<readonly string[]> {
    const lock = JSON.parse(await readFile(join(this.directory, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, unknown>;
    };
    return Object.keys(lock.packages).filter((path) => path.includes(`node_modules/${scope}/`));
  }

  /** Runs one cycle of the compute agent with this configuration (YAML is a superset of JSON), in its folder. */
  async once(configuration: object, variables: Readonly<Record<string, string>> = {}): Promise<Ended> {
    await writeFile(join(this.directory, 'nephoscope.yaml'), JSON.stringify(configuration, undefined, 2));
    const args = ['--no', '--', 'nephoscope-agent-compute', '--config', 'nephoscope.yaml', '--once'];
    return new Promise((resolve, reject) => {
      const options = {
        cwd: this.directory,
        env: { ...environment, ...variables },
        timeout: 60_000,
        maxBuffer: 16 * 1024 * 1024,
      };
      execFile('npx', args, options, (error, _stdout, stderr) => {
        if (error !== null && typeof error.code !== 'number')
          reject(new Error(`the agent did not end by itself: ${stderr}`, { cause: error }));
        else resolve({ code: error === null ? 0 : Number(error.code), stderr });
      });
    });
  }

  remove(): Promise<void> {
    return rm(this.directory, { recursive: true, force: true });
  }
}

function newFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'nephoscope-outside-'));
}
