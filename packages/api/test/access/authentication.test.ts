import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { get } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Secret } from '@nephoscope/core/options';
import { RecordingLogger } from '@nephoscope/testing';
import type { SampleReader } from '@nephoscope/core/sample-store';

import { createAuthentication } from '../../src/access/authentication.js';
import { accessOptions } from '../../src/access/options.js';
import type { Authenticate } from '../../src/access/request-caller.js';
import { TokenStore } from '../../src/access/token-store.js';
import { apiOptions } from '../../src/options.js';
import { createApi } from '../../src/program.js';

const keystoneToken = {
  user: { id: 'alice' },
  project: { id: 'p' },
  roles: [{ name: 'member' }],
  expires_at: '2999-01-01T00:00:00Z',
};
let folder: string;
let token: string;
const stopped: (() => Promise<void>)[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'nephoscope-access-'));
  const made = await new TokenStore(folder).create({
    name: 'billing',
    scope: 'all',
    role: 'reader',
    expires: null,
  });
  token = made.token.reveal();
});
afterEach(async () => {
  for (const stop of stopped.splice(0)) await stop();
  rmSync(folder, { recursive: true });
});

const session = {
  validate: (secret: Secret) => Promise.resolve(secret.reveal() === 'alice' ? keystoneToken : undefined),
};

function authenticating(access: object): (headers: object) => Promise<unknown> {
  const authenticate = createAuthentication({
    access: accessOptions.parse(access),
    session,
    logger: new RecordingLogger(),
  });
  return async (headers) => {
    try {
      const { kind, name } = await authenticate({ headers } as unknown as Parameters<Authenticate>[0]);
      return `${kind} ${name}`;
    } catch (error) {
      return (error as { readonly status?: number }).status ?? error;
    }
  };
}

it('permits all local clients if no authentication is configured', async () => {
  const ask = authenticating({});
  expect([await ask({}), await ask({ 'x-auth-token': 'x' })]).toEqual(['loopback loopback', 'loopback loopback']);
});

it("accepts its own tokens in either header, because Ceilometer's clients support only one of them", async () => {
  const ask = authenticating({ directory: folder, keystone: true });
  expect(await ask({ 'x-auth-token': token })).toBe('token billing');
  expect(await ask({ authorization: `Bearer ${token}` })).toBe('token billing');
  expect(await ask({ authorization: `bearer  ${token}` })).toBe('token billing');
  expect(await ask({ 'x-auth-token': 'alice' })).toBe('keystone alice');
});

it.each([
  ['none', {}],
  ['a wrong token', { 'x-auth-token': 'bob' }],
  ['two', { 'x-auth-token': 'alice', authorization: 'Bearer alice' }],
  ['a keystone token in the header for other tokens', { authorization: 'Bearer alice' }],
  ['a password', { authorization: 'Basic YWxpY2U6eA==' }],
  ['an empty token', { 'x-auth-token': '' }],
  ['a token with a blank', { 'x-auth-token': 'alice bob' }],
  ['a very long token', { 'x-auth-token': 'x'.repeat(9_000) }],
  [
    'headers that keystone’s middleware would set',
    { 'x-identity-status': 'Confirmed', 'x-roles': 'admin', 'x-project-id': 'p' },
  ],
])('refuses a request with %s', async (_, headers) => {
  expect(await authenticating({ directory: folder, keystone: true })(headers)).toBe(401);
});

it('refuses tokens of a kind that is not configured', async () => {
  expect(await authenticating({ keystone: true })({ 'x-auth-token': token })).toBe(401);
  expect(await authenticating({ directory: folder })({ 'x-auth-token': 'alice' })).toBe(401);
});

it('refuses a revoked token at once, and all tokens if they cannot be read', async () => {
  const ask = authenticating({ directory: folder });
  expect(await ask({ 'x-auth-token': token })).toBe('token billing');
  chmodSync(join(folder, `${token.split('_')[1]}.json`), 0o666);
  expect(await ask({ 'x-auth-token': token })).toBe(503);
  rmSync(join(folder, `${token.split('_')[1]}.json`));
  expect(await ask({ 'x-auth-token': token })).toBe(401);
});

describe('the address', () => {
  const reader = {
    start: () => Promise.resolve(),
    stop: () => Promise.resolve(),
    health: () => ({ ok: true }),
    async *resources() {
      // No resources.
    },
  } as unknown as SampleReader;

  async function start(options: object) {
    const logger = new RecordingLogger();
    const api = createApi({ options: apiOptions.parse({ port: 0, ...options }), reader, session, logger });
    stopped.push(() => api.stop());
    await api.start(new AbortController().signal);
    const warned = logger.entries.filter(({ level }) => level === 'warn').map(({ message }) => message);
    return { url: api.url, warned };
  }

  it('must be a loopback address without authentication', () => {
    const isValid = (options: object) => apiOptions.safeParse(options).success;
    expect(isValid({ address: '0.0.0.0' })).toBe(false);
    expect(isValid({ address: '0.0.0.0', access: { keystone: false } })).toBe(false);
    expect(isValid({ address: '::1' })).toBe(true);
    expect(isValid({ address: '0.0.0.0', access: { keystone: true } })).toBe(true);
    expect(isValid({ address: '0.0.0.0', access: { directory: folder } })).toBe(true);
  });

  it('may be another one with authentication, with a warning if nothing is encrypted', async () => {
    const { url, warned } = await start({ address: '0.0.0.0', access: { directory: folder } });
    expect(warned).toEqual([expect.stringContaining('unencrypted')]);
    const port = new URL(url).port;
    const ask = (headers: Record<string, string>) => fetch(`http://127.0.0.1:${port}/v2/resources`, { headers });
    const refused = await ask({});
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
    const answer = await ask({ 'x-auth-token': token, host: 'metering.example.org' });
    expect([answer.status, await answer.text()]).toEqual([200, '[]']);
  });

  it('answers over HTTPS without a warning, and has links with https', async () => {
    const openssl = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
    const rest = ['-days', '2', '-subj', '/CN=api', '-keyout', files.key, '-out', files.cert];
    execFileSync('openssl', [...openssl, ...rest], { stdio: 'pipe' });
    const { url, warned } = await start({ address: '0.0.0.0', access: { directory: folder }, tls: files });
    expect(warned).toEqual([]);
    const body = await new Promise<string>((resolve, reject) => {
      get(`https://127.0.0.1:${new URL(url).port}/`, { rejectUnauthorized: false }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('end', () => resolve(text));
      }).on('error', reject);
    });
    expect(body).toContain('"href":"https://127.0.0.1:');
  });

  it('reports missing certificate files', async () => {
    const tls = { cert: join(folder, 'none.pem'), key: join(folder, 'none.pem') };
    await expect(start({ tls })).rejects.toEqual(expect.objectContaining({ code: 'API_CERTIFICATE' }));
  });

  it("in links is the proxy's if one is configured", async () => {
    const { url } = await start({ publicUrl: 'https://metering.example.org/' });
    expect(await (await fetch(url)).text()).toContain('"href":"https://metering.example.org/v2"');
  });
});
