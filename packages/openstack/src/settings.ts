import { Secret } from '@nephoscope/core/options';

import { OpenStackError } from './errors.js';
import { readClouds, settingsIn } from './clouds-file.js';
import type { Environment, Settings } from './clouds-file.js';
import type { CloudOptions } from './options.js';

/** Settings by their name in clouds.yaml, with `_`; those of `auth` are among them. */
export interface ChosenSettings {
  /** For the log. */
  readonly name: string;
  readonly values: ReadonlyMap<string, unknown>;
  readonly warnings: readonly string[];
}

const envCloud = 'envvars';
const selectors = [
  'OS_CLOUD',
  'OS_REGION_NAME',
  'OS_CLIENT_CONFIG_FILE',
  'OS_CLIENT_SECURE_FILE',
  'OS_CLOUD_NAME',
];

/**
 * The configured settings, by openstacksdk's rules: the named cloud of clouds.yaml (option, then OS_CLOUD); without a
 * name the OS_* variables, if there are any; otherwise the only cloud of the file. OS_* variables and a cloud of the
 * file are never mixed. Options override both.
 *
 * @throws OPENSTACK_CONFIG if there is no such cloud
 */
export async function chooseSettings(options: CloudOptions, env: Environment): Promise<ChosenSettings> {
  const { file, clouds, warnings } = await readClouds(env);
  const variables = settingsOf(env);
  const nameOfVariables = env['OS_CLOUD_NAME'] || envCloud;
  const named = options.cloud ?? (env['OS_CLOUD'] || undefined);
  const only = Object.keys(clouds).length === 1 ? Object.keys(clouds)[0] : undefined;
  const name = named ?? (variables === undefined ? only : nameOfVariables);

  let settings: Settings = {};
  if (name !== undefined) {
    const found = name === nameOfVariables && variables !== undefined ? variables : settingsIn(clouds, name);
    if (Object.keys(found).length === 0)
      throw new OpenStackError(
        'OPENSTACK_CONFIG',
        `there is no cloud '${name}' in ${file ?? 'any clouds.yaml (none was found)'}${file === undefined ? '' : `, which has: ${Object.keys(clouds).join(', ') || 'none'}`}`,
      );
    settings = found;
  } else if (Object.keys(clouds).length > 1 && options.authUrl === undefined) {
    throw new OpenStackError(
      'OPENSTACK_CONFIG',
      `${file} has several clouds (${Object.keys(clouds).join(', ')}): name one, in openstack.cloud or OS_CLOUD`,
    );
  }
  return { name: name ?? 'options', values: flatten(settings, options), warnings };
}

/** Undefined when only such are set that choose among clouds. */
function settingsOf(env: Environment): Settings | undefined {
  const ours = Object.entries(env).filter(
    ([key, value]) =>
      key.startsWith('OS_') && !/^OS_(TEST|STD|LOG)/.test(key) && value !== undefined && value !== '',
  );
  if (ours.every(([key]) => selectors.includes(key))) return undefined;
  return Object.fromEntries(ours.map(([key, value]) => [key.slice(3).toLowerCase(), value]));
}

/** Other names of a setting; the last one that is there wins. */
const otherNames: Readonly<Record<string, readonly string[]>> = {
  project_id: ['tenant_id', 'project_id'],
  project_name: ['tenant_name', 'project_name'],
  token: ['auth_token', 'token'],
  interface: ['endpoint_type', 'interface'],
  username: ['user_name', 'username'],
};

/** In one map: the top level, then `auth`, then the region's own values, then the options. */
function flatten(settings: Settings, options: CloudOptions): ReadonlyMap<string, unknown> {
  const values = new Map<string, unknown>();
  const take = (from: Settings) => {
    const byName = new Map(Object.entries(from).map(([key, value]) => [key.replaceAll('-', '_'), value]));
    for (const [key, value] of byName)
      if (value !== null && value !== undefined && value !== '' && key !== 'auth') values.set(key, value);
    for (const [key, names] of Object.entries(otherNames)) {
      const winner = names.filter((name) => (byName.get(name) ?? '') !== '').at(-1);
      if (winner !== undefined) values.set(key, byName.get(winner));
    }
  };
  take(settings);
  take(settingsIn(settings, 'auth'));
  const region = regionOf(settings, options.region);
  if (region !== undefined) {
    values.set('region_name', region.name);
    take(region.values);
    take(settingsIn(region.values, 'auth'));
  }
  const { region: _region, timeout: _timeout, cloud: _cloud, ...own } = options;
  for (const [key, value] of Object.entries(own))
    if (value !== undefined)
      values.set(
        key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
        value,
      );
  return values;
}

/** The requested region, or the first of the cloud's. */
function regionOf(
  settings: Settings,
  wanted: string | undefined,
): { readonly name: string; readonly values: Settings } | undefined {
  const listed = Array.isArray(settings['regions']) ? (settings['regions'] as readonly unknown[]) : [];
  const regions = listed.map((region) => {
    const { name, values } = settingsIn(region);
    return typeof region === 'string'
      ? { name: region, values: {} }
      : { name: typeof name === 'string' ? name : '', values: settingsIn(values) };
  });
  if (wanted === undefined) {
    const single = settings['region_name'];
    return regions[0] ?? (typeof single === 'string' && single !== '' ? { name: single, values: {} } : undefined);
  }
  if (regions.length === 0) return { name: wanted, values: {} };
  const found = regions.find(({ name }) => name === wanted);
  if (found === undefined)
    throw new OpenStackError(
      'OPENSTACK_CONFIG',
      `the cloud has no region '${wanted}', but ${regions.map(({ name }) => name).join(', ')}`,
    );
  return found;
}

/** The text of a setting; undefined if it is missing. */
export function textIn({ values }: ChosenSettings, key: string): string | undefined {
  const value = values.get(key);
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
}

export function secretIn({ values }: ChosenSettings, key: string): Secret | undefined {
  const value = values.get(key);
  if (value instanceof Secret) return value;
  return typeof value === 'string' || typeof value === 'number' ? new Secret(String(value)) : undefined;
}
