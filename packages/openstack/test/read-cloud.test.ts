import { jest } from '@jest/globals';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { cloudOptions, readCloud } from '../src/index.js';

import { allOf, failureOf } from './support.js';

let home: string;
const OS_USER = { OS_USERNAME: 'alice', OS_PASSWORD: 'from-env', OS_USER_DOMAIN_NAME: 'Default' };
const OS_PROJECT = { OS_PROJECT_NAME: 'alpha', OS_PROJECT_DOMAIN_ID: 'default' };
const openrc = { OS_AUTH_URL: 'http://env:5000/v3', ...OS_USER, ...OS_PROJECT };

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'openstack-config-'));
  mkdirSync(join(home, '.config', 'openstack'), { recursive: true });
});
afterEach(() => rmSync(home, { recursive: true }));

function write(name: string, text: string): string {
  const path = join(home, '.config', 'openstack', name);
  writeFileSync(path, text);
  return path;
}

const read = (env: Record<string, string> = {}, options: object = {}) =>
  readCloud(cloudOptions.parse(options), { HOME: home, ...env });

/** With the secrets in plain text. */
async function readOpen(...args: Parameters<typeof read>) {
  const { credentials, ...config } = await read(...args);
  const open = Object.entries(credentials).map(([key, value]) => [
    key,
    typeof value === 'object' && 'reveal' in value ? value.reveal() : value,
  ]);
  return { ...config, credentials: Object.fromEntries(open) as unknown };
}

const clouds = `
clouds:
  site:
    auth:
      auth_url: https://site:5000/v3
      username: meter
      project_name: service
      user_domain_name: Default
      project_domain_name: Default
    region_name: North
    interface: internal
    image_endpoint_override: https://images.site
    load_balancer_endpoint_override: https://lb.site
    api_timeout: 5
    verify: false
  other:
    auth: {auth_url: 'http://other/v3', token: abc}
`;

it('reads an openrc', async () => {
  expect(await readOpen({ ...openrc, OS_REGION_NAME: 'RegionOne', OS_INTERFACE: 'publicURL' })).toEqual({
    name: 'envvars',
    authUrl: 'http://env:5000/v3',
    credentials: {
      type: 'password',
      user: { name: 'alice', domain: { name: 'Default' } },
      password: 'from-env',
    },
    scope: { type: 'project', project: { name: 'alpha', domain: { id: 'default' } } },
    interface: 'public',
    region: 'RegionOne',
    endpointOverrides: {},
    tls: { ca: undefined, cert: undefined, key: undefined, verify: true },
    timeout: 30_000,
  });
});

it('reads a cloud of clouds.yaml with its password from secure.yaml', async () => {
  write('clouds.yaml', clouds);
  write('secure.yaml', 'clouds: {site: {auth: {password: hidden}}}');
  expect(await readOpen({ OS_CLOUD: 'site' })).toMatchObject({
    name: 'site',
    authUrl: 'https://site:5000/v3',
    credentials: { type: 'password', user: { name: 'meter' }, password: 'hidden' },
    scope: { type: 'project', project: { name: 'service' } },
    interface: 'internal',
    region: 'North',
    endpointOverrides: { image: 'https://images.site', 'load-balancer': 'https://lb.site' },
    tls: { verify: false },
    timeout: 5_000,
  });
});

it('uses the named cloud, otherwise the variables, otherwise the only cloud, and does not mix them', async () => {
  const path = write('clouds.yaml', clouds);
  expect(await read({ ...openrc, OS_CLOUD: 'other' })).toMatchObject({
    name: 'other',
    authUrl: 'http://other/v3',
    credentials: { type: 'token' },
    scope: { type: 'unscoped' },
  });
  expect(await read({ ...openrc, OS_CLOUD: 'site' }, { cloud: 'other' })).toMatchObject({ name: 'other' });
  expect(await read(openrc)).toMatchObject({ name: 'envvars' });
  expect(await read({ ...openrc, OS_CLOUD_NAME: 'mine', OS_CLOUD: 'mine' })).toMatchObject({ name: 'mine' });
  expect(await failureOf(read())).toMatchObject({
    code: 'OPENSTACK_CONFIG',
    message: expect.stringContaining('site, other') as unknown,
  });
  expect(await failureOf(read({ OS_CLOUD: 'none' }))).toMatchObject({
    message: expect.stringContaining(path) as unknown,
  });
  write('clouds.yaml', 'clouds: {sole: {auth: {auth_url: "http://sole/v3", token: abc}}}');
  expect(await read({ OS_REGION_NAME: 'North' })).toMatchObject({ name: 'sole' });
});

it('looks in OS_CLIENT_CONFIG_FILE first, then in every usual folder', async () => {
  write('clouds.yml', 'clouds: {a: {auth: {auth_url: "http://yml/v3", token: abc}}}');
  expect(await read()).toMatchObject({ authUrl: 'http://yml/v3' });
  write('clouds.yaml', 'clouds: {a: {auth: {auth_url: "http://yaml/v3", token: abc}}}');
  expect(await read()).toMatchObject({ authUrl: 'http://yaml/v3' });
  const named = write('my.json', '{"clouds": {"a": {"auth": {"auth_url": "http://json/v3", "token": "abc"}}}}');
  expect(await read({ OS_CLIENT_CONFIG_FILE: named })).toMatchObject({ authUrl: 'http://json/v3' });
  expect(await read({ OS_CLIENT_CONFIG_FILE: join(home, 'not-there') })).toMatchObject({
    authUrl: 'http://yaml/v3',
  });
});

it('adds the cloud to its profile from clouds-public.yaml', async () => {
  write(
    'clouds-public.yaml',
    'public-clouds: {vendor: {auth: {auth_url: "http://vendor/v3"}, region_name: East}}',
  );
  write('clouds.yaml', 'clouds: {a: {profile: vendor, auth: {token: abc}, region_name: West}}');
  expect(await read()).toMatchObject({ authUrl: 'http://vendor/v3', region: 'West' });
  write('clouds.yaml', 'clouds: {a: {profile: nobody, auth: {auth_url: "http://own/v3", token: abc}}}');
  expect(await read()).toMatchObject({ authUrl: 'http://own/v3' });
});

it('gives options precedence over all others', async () => {
  const options = { username: 'bob', userDomainId: 'd1', region: 'South', interface: 'admin', timeout: '2s' };
  expect(await readOpen(openrc, { ...options, password: 'opt', projectId: 'p1', verify: false })).toMatchObject({
    credentials: { user: { name: 'bob', domain: { id: 'd1' } }, password: 'opt' },
    scope: { type: 'project', project: { id: 'p1' } },
    region: 'South',
    interface: 'admin',
    tls: { verify: false },
    timeout: 2_000,
  });
});

it.each([
  [
    { OS_USER_ID: 'u1', OS_PASSWORD: 'p' },
    { type: 'password', user: { id: 'u1' }, password: 'p' },
  ],
  [
    { ...OS_USER, OS_AUTH_TYPE: 'v3password' },
    { type: 'password', password: 'from-env' },
  ],
  [
    { OS_TOKEN: 't', OS_AUTH_TYPE: 'v3token' },
    { type: 'token', token: 't' },
  ],
  [
    {
      OS_APPLICATION_CREDENTIAL_ID: 'i',
      OS_APPLICATION_CREDENTIAL_SECRET: 's',
      OS_AUTH_TYPE: 'v3applicationcredential',
    },
    { type: 'applicationCredential', credential: { id: 'i' }, secret: 's' },
  ],
  [
    { ...OS_USER, OS_APPLICATION_CREDENTIAL_NAME: 'n', OS_APPLICATION_CREDENTIAL_SECRET: 's' },
    { type: 'applicationCredential', credential: { name: 'n', user: { name: 'alice' } }, secret: 's' },
  ],
])('logs in with the given credentials: %j', async (env, credentials) => {
  expect(await readOpen({ OS_AUTH_URL: 'http://k/v3', ...env })).toMatchObject({ credentials });
});

it.each([
  [OS_PROJECT, { type: 'project', project: { name: 'alpha', domain: { id: 'default' } } }],
  [{ OS_TENANT_ID: 'p' }, { type: 'project', project: { id: 'p' } }],
  [
    { OS_PROJECT_ID: 'p', OS_PROJECT_NAME: '', OS_DOMAIN_NAME: '' },
    { type: 'project', project: { id: 'p' } },
  ],
  [{ OS_DOMAIN_NAME: 'Default' }, { type: 'domain', domain: { name: 'Default' } }],
  [{ OS_SYSTEM_SCOPE: 'all' }, { type: 'system' }],
  [{}, { type: 'unscoped' }],
])('scopes the token as configured: %j', async (env, scope) => {
  expect(await read({ OS_AUTH_URL: 'http://k/v3', ...OS_USER, ...env })).toMatchObject({ scope });
});

it('reads trusted certificates', async () => {
  const path = write('ca.pem', 'CERTIFICATE');
  expect(await read({ ...openrc, OS_CACERT: path })).toMatchObject({ tls: { ca: 'CERTIFICATE' } });
  expect(await read({ ...openrc, OS_CACERT: '~/.config/openstack/ca.pem' })).toMatchObject({
    tls: { ca: 'CERTIFICATE' },
  });
  const error = await failureOf(read({ ...openrc, OS_CACERT: join(home, 'none') }));
  expect(error).toMatchObject({ code: 'OPENSTACK_CONFIG', cause: { code: 'ENOENT' } });
});

it('reads the regions of a cloud', async () => {
  const regions = 'regions: [{name: A, values: {interface: internal}}, B]';
  write('clouds.yaml', `clouds: {a: {auth: {auth_url: "http://k/v3", token: abc}, ${regions}}}`);
  expect(await read()).toMatchObject({ region: 'A', interface: 'internal' });
  expect(await read({}, { region: 'B' })).toMatchObject({ region: 'B', interface: 'public' });
  expect(await failureOf(read({}, { region: 'C' }))).toMatchObject({ code: 'OPENSTACK_CONFIG' });
});

it.each([
  ['auth_url', { OS_USERNAME: 'u', OS_PASSWORD: 'the-secret' }],
  ['http or https', { ...openrc, OS_AUTH_URL: 'file:///etc/passwd' }],
  ['password', { ...openrc, OS_PASSWORD: '' }],
  ['username', { ...openrc, OS_USERNAME: '' }],
  ['user_domain', { ...openrc, OS_USER_DOMAIN_NAME: '' }],
  ['project_domain', { ...openrc, OS_PROJECT_DOMAIN_ID: '' }],
  ['v3kerberos', { ...openrc, OS_AUTH_TYPE: 'v3kerberos' }],
  ['interface', { ...openrc, OS_INTERFACE: 'private' }],
  ['section openstack', {}],
])('reports what is missing or wrong: %s', async (what, env) => {
  const error = await failureOf(read(env as Record<string, string>));
  expect(error).toMatchObject({ code: 'OPENSTACK_CONFIG' });
  expect(String(error)).toContain(what);
});

it('prints no secret, even from a file that is not YAML', async () => {
  const config = await read(
    { ...openrc, OS_CACERT: '', OS_AUTH_TYPE: 'password' },
    { applicationCredentialSecret: 'opt-secret' },
  );
  expect(allOf(config)).not.toMatch(/from-env|opt-secret/);
  write('clouds.yaml', 'clouds:\n  a: {auth: {password: "hidden-in-file\n');
  const error = await failureOf(read());
  expect(error).toMatchObject({ code: 'OPENSTACK_CONFIG' });
  expect(allOf(error)).not.toContain('hidden-in-file');
});

it.each(['*hidden-in-file', '[*hidden-in-file]', '&hidden-in-file [*hidden-in-file]', '!hidden-in-file x'])(
  'prints nothing of %j, which YAML interprets in an unexpected way',
  async (password) => {
    const warned = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    write(
      'clouds.yaml',
      `clouds:\n  a:\n    auth: { auth_url: "http://k/v3", username: u, password: ${password} }\n`,
    );
    const made = await read().catch((error: unknown) => error);
    expect(allOf(made)).not.toContain('hidden-in-file');
    expect(warned.mock.calls).toEqual([]);
    warned.mockRestore();
  },
);

it('uses the proxies of the environment', async () => {
  const { proxies } = await read({ ...openrc, HTTP_PROXY: 'http://proxy:3128', no_proxy: 'a,b' });
  expect({ ...proxies, http: proxies?.http?.href }).toEqual({
    http: 'http://proxy:3128/',
    https: undefined,
    none: 'a,b',
  });
  expect((await read(openrc)).proxies).toBeUndefined();
});

it('records whether an interface was chosen', async () => {
  expect(await read(openrc)).toMatchObject({ interface: 'public', interfaceIsDefault: true });
  expect((await read({ ...openrc, OS_INTERFACE: 'admin' })).interfaceIsDefault).toBeUndefined();
  expect((await read(openrc, { interface: 'public' })).interfaceIsDefault).toBeUndefined();
});

describe('files with secrets that every user of the host may read', () => {
  const told = async (...args: Parameters<typeof read>) => (await read(...args)).warnings ?? [];
  const cloudOf = (more: string) =>
    `clouds: { site: { auth: { auth_url: 'http://site/v3', user_id: u, project_id: p${more} } } }`;
  const secure = 'clouds: { site: { auth: { password: secret } } }';

  it.each([
    [0o644, ['read']],
    [0o646, ['read and change']],
    [0o640, []],
    [0o600, []],
  ])('are reported: mode %o', async (mode, may) => {
    const path = write('clouds.yaml', cloudOf(', password: secret'));
    chmodSync(path, mode);
    expect(await told()).toEqual(
      may.map((what) => `every user of this host may ${what} ${path}, which holds secrets: chmod o-rwx ${path}`),
    );
  });

  it('are reported for files with the secret, and no others', async () => {
    chmodSync(write('clouds.yaml', cloudOf('')), 0o644);
    const path = write('secure.yaml', secure);
    chmodSync(path, 0o600);
    expect(await told()).toEqual([]);
    chmodSync(path, 0o644);
    expect(await told()).toEqual([expect.stringContaining(`may read ${path},`)]);
  });

  it('are reported for the key, wherever it is configured, and not for the certificate', async () => {
    const [key, cert] = [write('key.pem', 'the key'), write('cert.pem', 'the certificate')];
    chmodSync(key, 0o644);
    chmodSync(cert, 0o644);
    expect(await told(openrc, { key, cert })).toEqual([
      `every user of this host may read ${key}, a private key: chmod o-rwx ${key}`,
    ]);
    expect(await told({ ...openrc, OS_KEY: '~/.config/openstack/key.pem' })).toEqual([
      expect.stringContaining(`may read ${key},`),
    ]);
    chmodSync(key, 0o600);
    expect(await told(openrc, { key, cert })).toEqual([]);
  });
});
