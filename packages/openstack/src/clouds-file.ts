import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

import { parse } from 'yaml';

import { OpenStackError } from './errors.js';
import { exposure, holdsSecret } from './exposed-files.js';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Settings of a cloud as written in a file or in OS_* variables. */
export type Settings = Readonly<Record<string, unknown>>;

/** Where openstacksdk looks, in its order. The first that can be read is the only one. */
function candidates(name: string, override: string | undefined, env: Environment): readonly string[] {
  const home = env['HOME'] ?? homedir();
  const folders = [
    process.cwd(),
    join(env['XDG_CONFIG_HOME'] || join(home, '.config'), 'openstack'),
    join(home, '.config', 'openstack'),
    '/etc/openstack',
  ];
  const files = folders.flatMap((folder) => ['yaml', 'yml', 'json'].map((end) => join(folder, `${name}.${end}`)));
  return override === undefined || override === '' ? files : [override, ...files];
}

/**
 * The clouds of clouds.yaml, each merged with secure.yaml and its profile in clouds-public.yaml.
 *
 * @throws OPENSTACK_CONFIG for a file that cannot be read or is not YAML
 */
export async function readClouds(env: Environment): Promise<{
  readonly file: string | undefined;
  readonly clouds: Readonly<Record<string, Settings>>;
  /** Of files with secrets that every user of the host may read. */
  readonly warnings: readonly string[];
}> {
  const main = await firstOf(candidates('clouds', env['OS_CLIENT_CONFIG_FILE'], env));
  const secure = await firstOf(candidates('secure', env['OS_CLIENT_SECURE_FILE'], env));
  const shared = await firstOf(candidates('clouds-public', undefined, env));
  const clouds = settingsIn(merge(settingsIn(main?.content), settingsIn(secure?.content)), 'clouds');
  const profiles = settingsIn(settingsIn(shared?.content), 'public-clouds');
  const open = [main, secure].map(async (one) =>
    one !== undefined && holdsSecret(one.content) ? exposure(one.path, 'which holds secrets') : undefined,
  );
  return {
    file: main?.path,
    warnings: (await Promise.all(open)).filter((one) => one !== undefined),
    clouds: Object.fromEntries(
      Object.entries(clouds).map(([name, cloud]) => {
        const own = settingsIn(cloud);
        const profile = own['profile'] ?? own['cloud'];
        // Like openstacksdk: an unknown profile is ignored.
        if (typeof profile !== 'string') return [name, own];
        return [name, merge(settingsIn(profiles, profile), own)];
      }),
    ),
  };
}

async function firstOf(
  paths: readonly string[],
): Promise<{ readonly path: string; readonly content: unknown } | undefined> {
  for (const path of paths) {
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (error) {
      // Like openstacksdk: a file without read permission is ignored.
      if (['ENOENT', 'ENOTDIR', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) continue;
      throw new OpenStackError('OPENSTACK_CONFIG', `${path} cannot be read`, { cause: error });
    }
    try {
      // Its warnings quote the text and go to standard error.
      return { path, content: parse(text, { logLevel: 'error' }) as unknown };
    } catch (error) {
      // The parser's message quotes the line, which may hold a password.
      const line = (error as { readonly linePos?: readonly { readonly line: number }[] }).linePos?.[0]?.line;
      throw new OpenStackError(
        'OPENSTACK_CONFIG',
        `${path} is not YAML${line === undefined ? '' : `: see line ${line}`}`,
      );
    }
  }
  return undefined;
}

/** The object, or the one under the key; an empty one if missing. */
export function settingsIn(value: unknown, key?: string): Settings {
  const found = key === undefined ? value : Object.entries(settingsIn(value)).find(([name]) => name === key)?.[1];
  return typeof found === 'object' && found !== null && !Array.isArray(found) ? (found as Settings) : {};
}

/** Objects in both are merged, anything else is replaced. */
function merge(under: Settings, over: Settings): Settings {
  return {
    ...under,
    ...Object.fromEntries(
      Object.entries(over).map(([key, value]) => [
        key,
        isObject(value) && isObject(under[key]) ? merge(settingsIn(under[key]), settingsIn(value)) : value,
      ]),
    ),
  };
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
