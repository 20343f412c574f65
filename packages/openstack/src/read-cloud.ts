import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';

import type { CloudConfig, Credentials, EndpointInterface, Named, Scope } from './cloud-config.js';
import type { Environment } from './clouds-file.js';
import { OpenStackError } from './errors.js';
import { exposure } from './exposed-files.js';
import { interfaces } from './options.js';
import type { CloudOptions } from './options.js';
import { proxiesIn } from './proxy.js';
import { chooseSettings, secretIn, textIn } from './settings.js';
import type { ChosenSettings } from './settings.js';

const defaultTimeout = 30_000;

/**
 * The cloud and how to log in to it: of the options, clouds.yaml (with secure.yaml) and OS_* variables, by
 * openstacksdk's rules.
 *
 * @throws OPENSTACK_CONFIG naming what is missing or wrong
 */
export async function readCloud(options: CloudOptions, env: Environment): Promise<CloudConfig> {
  const settings = await chooseSettings(options, env);
  const authUrl = textIn(settings, 'auth_url');
  if (authUrl === undefined || !/^https?:$/.test(URL.canParse(authUrl) ? new URL(authUrl).protocol : ''))
    throw wrong(settings, authUrl === undefined ? 'auth_url is not given' : 'auth_url is no URL of http or https');
  const credentials = credentialsIn(settings);
  const key = await pemIn(settings, 'key', env);
  const openKey = key === undefined ? undefined : await exposure(pathIn(settings, 'key', env)!, 'a private key');
  const warnings = [...settings.warnings, ...(openKey === undefined ? [] : [openKey])];
  return Object.freeze({
    name: settings.name,
    authUrl,
    credentials,
    scope: credentials.type === 'applicationCredential' ? ({ type: 'unscoped' } as const) : scopeIn(settings),
    interface: interfaceIn(settings),
    ...(textIn(settings, 'interface') === undefined && { interfaceIsDefault: true as const }),
    region: textIn(settings, 'region_name'),
    endpointOverrides: overridesIn(settings),
    tls: {
      ca: await pemIn(settings, 'cacert', env),
      cert: await pemIn(settings, 'cert', env),
      key,
      verify: verifyIn(settings),
    },
    proxies: proxiesIn(env),
    timeout: options.timeout ?? timeoutIn(settings),
    ...(warnings.length > 0 && { warnings }),
  });
}

function wrong({ name }: ChosenSettings, what: string): OpenStackError {
  return new OpenStackError(
    'OPENSTACK_CONFIG',
    `the cloud '${name}': ${what}; give it in the section openstack, in clouds.yaml (OS_CLOUD), or as OS_* variables`,
  );
}

function credentialsIn(settings: ChosenSettings): Credentials {
  switch (authTypeOf(settings)) {
    case 'token': {
      const token = secretIn(settings, 'token');
      if (token === undefined) throw wrong(settings, 'token is not given');
      return { type: 'token', token };
    }
    case 'applicationCredential': {
      const secret = secretIn(settings, 'application_credential_secret');
      if (secret === undefined) throw wrong(settings, 'application_credential_secret is not given');
      const id = textIn(settings, 'application_credential_id');
      if (id !== undefined) return { type: 'applicationCredential', credential: { id }, secret };
      const name = textIn(settings, 'application_credential_name');
      const user = namedIn(settings, 'user');
      if (name === undefined || user === undefined)
        throw wrong(
          settings,
          'application_credential_id, or application_credential_name with the user, is not given',
        );
      return { type: 'applicationCredential', credential: { name, user }, secret };
    }
    case 'password': {
      const user = namedIn(settings, 'user');
      const password = secretIn(settings, 'password');
      if (user === undefined) throw wrong(settings, 'username (or user_id) is not given');
      if (password === undefined) throw wrong(settings, 'password is not given');
      return { type: 'password', user, password };
    }
  }
}

/** As named, in keystoneauth's terms or ours; otherwise derived from the given settings. */
function authTypeOf(settings: ChosenSettings): Credentials['type'] {
  const named = textIn(settings, 'auth_type') ?? textIn(settings, 'auth_plugin');
  switch (named) {
    case 'v3applicationcredential':
    case 'applicationCredential':
      return 'applicationCredential';
    case 'token':
    case 'v3token':
      return 'token';
    case undefined:
    case 'password':
    case 'v3password':
      break;
    default:
      throw wrong(settings, `auth_type '${named}' is not known (password, v3applicationcredential, token)`);
  }
  if (named === undefined) {
    if (settings.values.has('application_credential_secret')) return 'applicationCredential';
    if (settings.values.has('token') && !settings.values.has('password')) return 'token';
  }
  return 'password';
}

function namedIn(settings: ChosenSettings, what: 'user' | 'project'): Named | undefined {
  const id = textIn(settings, `${what}_id`);
  if (id !== undefined) return { id };
  const name = textIn(settings, what === 'user' ? 'username' : 'project_name');
  if (name === undefined) return undefined;
  const domain =
    domainIn(settings, `${what}_domain`) ?? domainIn(settings, 'domain') ?? domainIn(settings, 'default_domain');
  if (domain === undefined)
    throw wrong(settings, `${what}_domain_name (or ${what}_domain_id) of the ${what} '${name}' is not given`);
  return { name, domain };
}

function domainIn(settings: ChosenSettings, what: string): { id: string } | { name: string } | undefined {
  const id = textIn(settings, `${what}_id`) ?? (what === 'default_domain' ? textIn(settings, what) : undefined);
  if (id !== undefined) return { id };
  const name = textIn(settings, `${what}_name`);
  return name === undefined ? undefined : { name };
}

function scopeIn(settings: ChosenSettings): Scope {
  if (textIn(settings, 'system_scope') === 'all') return { type: 'system' };
  const project = namedIn(settings, 'project');
  if (project !== undefined) return { type: 'project', project };
  const domain = domainIn(settings, 'domain');
  return domain === undefined ? { type: 'unscoped' } : { type: 'domain', domain };
}

function interfaceIn(settings: ChosenSettings): EndpointInterface {
  // `publicURL` is its name in keystone v2.
  const named = (textIn(settings, 'interface') ?? 'public').replace(/URL$/, '');
  const found = interfaces.find((one) => one === named);
  if (found === undefined) throw wrong(settings, `interface '${named}' is none of ${interfaces.join(', ')}`);
  return found;
}

/** `image_endpoint_override` and such; in the name of a type `_` stands for `-`. */
function overridesIn({ values }: ChosenSettings): Readonly<Record<string, string>> {
  const end = '_endpoint_override';
  return Object.fromEntries(
    [...values].flatMap(([key, value]) =>
      key.endsWith(end) && typeof value === 'string' && URL.canParse(value)
        ? [[key.slice(0, -end.length).replaceAll('_', '-'), value]]
        : [],
    ),
  );
}

function verifyIn({ values }: ChosenSettings): boolean {
  const isOn = (value: unknown) => value === true || String(value).toLowerCase() === 'true';
  const verify = values.get('verify');
  const insecure = values.get('insecure');
  return (verify === undefined || isOn(verify)) && !(insecure !== undefined && isOn(insecure));
}

function pathIn(settings: ChosenSettings, key: string, env: Environment): string | undefined {
  return textIn(settings, key)?.replace(/^~(?=\/)/, env['HOME'] ?? homedir());
}

async function pemIn(settings: ChosenSettings, key: string, env: Environment): Promise<string | undefined> {
  const path = pathIn(settings, key, env);
  if (path === undefined) return undefined;
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new OpenStackError('OPENSTACK_CONFIG', `${path} (${key}) cannot be read`, { cause: error });
  }
}

/** clouds.yaml has `api_timeout` in seconds. */
function timeoutIn(settings: ChosenSettings): number {
  const seconds = Number(textIn(settings, 'api_timeout'));
  return seconds > 0 && Number.isFinite(seconds) ? seconds * 1_000 : defaultTimeout;
}
