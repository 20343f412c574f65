import { Secret } from '@nephoscope/core/options';
import { createSession } from '@nephoscope/openstack';
import type { Session } from '@nephoscope/openstack';
import { RecordingLogger } from '@nephoscope/testing';
import type { FastifyInstance } from 'fastify';

import { FakeCloud, says } from '../../../openstack/test/fake-cloud.js';
import { configOf } from '../../../openstack/test/support.js';
import type { AuditEntry } from '../../src/access/audit.js';
import { createAuthentication } from '../../src/access/authentication.js';
import { apiOptions } from '../../src/options.js';
import { createServer, listen } from '../../src/server.js';
import { Stores } from '../store.js';
import { foreign, own } from './walk.js';

// The server with its session with keystone, which is a fake on a real socket.

const tokens: Readonly<Record<string, object>> = {
  'token-of-alice': { user: { id: 'alice' }, project: { id: 'project-own' }, roles: [{ name: 'member' }] },
  'token-of-the-admin': { user: { id: 'admin' }, project: { id: 'ops' }, roles: [{ name: 'admin' }] },
};

const stores = new Stores();
let cloud: FakeCloud;
let session: Session;
let server: FastifyInstance;
let url: string;
let audited: AuditEntry[];
let logger: RecordingLogger;
const closing: (() => Promise<unknown>)[] = [];

beforeAll(() => stores.prepare());
afterAll(() => stores.remove());
beforeEach(async () => {
  cloud = await FakeCloud.start();
  cloud.always('keystone', (request, response) => {
    const token = tokens[String(request.headers['x-subject-token'])];
    const body =
      token === undefined ? '{}' : JSON.stringify({ token: { ...token, expires_at: '2999-01-01T00:00:00Z' } });
    says(token === undefined ? 404 : 200, body)(request, response);
  });
  logger = new RecordingLogger();
  session = createSession(configOf(cloud), { logger, timeLimit: 200 });
  audited = [];
  const options = apiOptions.parse({
    access: { keystone: true },
    limits: { requestsPerMinute: 5, concurrent: 2 },
  });
  const reader = await stores.reader([...own, ...foreign]);
  const authenticate = createAuthentication({ access: options.access, session, logger });
  server = createServer({ options, reader, logger, authenticate, audit: (entry) => void audited.push(entry) });
  url = await listen(server, { address: '127.0.0.1', port: 0 });
  closing.push(
    () => server.close(),
    () => reader.stop(),
    () => session.close(),
    () => cloud.stop(),
  );
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function ask(path: string, token?: string) {
  const response = await fetch(url + path, { headers: token === undefined ? {} : { 'x-auth-token': token } });
  return { status: response.status, text: await response.text(), headers: response.headers };
}
const ids = (text: string) => (JSON.parse(text) as { id: string }[]).map(({ id }) => id);

it('a token of keystone shows its project, one of an administrator all', async () => {
  const alices = await ask('/v2/samples?limit=100', 'token-of-alice');
  expect(new Set(ids(alices.text))).toEqual(new Set(own.map(({ message_id: id }) => id)));
  expect(alices.headers.get('cache-control')).toContain('private');
  const all = await ask('/v2/samples?limit=100', 'token-of-the-admin');
  expect(ids(all.text)).toHaveLength(own.length + foreign.length);
  expect(await ask('/v2/samples', 'token-of-bob')).toMatchObject({ status: 401 });
  expect(cloud.lines().filter((line) => line.startsWith('GET /v3/auth/tokens'))).toHaveLength(3);
});

it('nobody is let in while keystone is away', async () => {
  await cloud.stop();
  const { status, headers, text } = await ask('/v2/samples', 'token-of-alice');
  expect([status, headers.get('retry-after')]).toEqual([503, '5']);
  expect(text).not.toContain(cloud.tokens[0] ?? '127.0.0.1');
});

it('who asks too often is told when to come again, and others are not', async () => {
  const statuses = [];
  for (let at = 0; at < 6; at += 1) statuses.push((await ask('/v2/capabilities', 'token-of-alice')).status);
  expect(statuses).toEqual([200, 200, 200, 200, 200, 429]);
  const refused = await ask('/v3/meters', 'token-of-alice');
  expect(refused.headers.get('content-type')).toContain('application/problem+json');
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(await ask('/v2/capabilities', 'token-of-the-admin')).toMatchObject({ status: 200 });
});

it('each request is in the audit log, without its token', async () => {
  await ask('/v2/samples?limit=3&token=token-of-alice', undefined);
  await ask('/v2/samples?limit=3', 'token-of-alice');
  await fetch(`${url}/v2/query/samples`, {
    method: 'POST',
    headers: { 'x-auth-token': 'token-of-the-admin', 'content-type': 'application/json' },
    body: JSON.stringify({ limit: 2 }),
  }).then((response) => response.text());
  await ask('/v3/meters', 'token-of-bob');
  await ask('/');
  expect(audited).toEqual([
    expect.objectContaining({ status: 401, url: '/v2/samples?limit=3&token=[secret]', route: '/v2/samples' }),
    expect.objectContaining({
      caller: { kind: 'keystone', name: 'alice', role: 'member', scope: { project: 'project-own' } },
      ...{ status: 200, rows: 3, complete: true, method: 'GET', from: '127.0.0.1', route: '/v2/samples' },
    }),
    expect.objectContaining({
      status: 200,
      rows: 2,
      query: '{"limit":2}',
      caller: expect.objectContaining({ scope: 'all' }),
    }),
    expect.objectContaining({ status: 401, route: '/v3/meters' }),
    expect.objectContaining({ status: 200, route: '/' }),
  ]);
  expect(audited[0]).not.toHaveProperty('caller');
  expect(audited[1]?.bytes).toBeGreaterThan(500);
  expect(JSON.stringify([audited, logger.entries])).not.toMatch(/token-of-/);
});

it('the secret of the session is in no reply and no log when keystone refuses it', async () => {
  const wrong = createSession(
    configOf(cloud, { credentials: { type: 'token', token: new Secret('wrong-token-of-ours') } }),
    { logger, timeLimit: 200 },
  );
  closing.push(() => wrong.close());
  const authenticate = createAuthentication({
    access: apiOptions.parse({ access: { keystone: true } }).access,
    session: wrong,
    logger,
  });
  const failure = await Promise.resolve(
    authenticate({ headers: { 'x-auth-token': 'token-of-alice' } } as unknown as Parameters<
      typeof authenticate
    >[0]),
  ).catch((error: unknown) => error);
  expect(failure).toMatchObject({ status: 503 });
  expect(logger.entries).toContainEqual(
    expect.objectContaining({ level: 'warn', message: expect.stringContaining('check the section openstack') }),
  );
  expect(JSON.stringify(logger.entries)).not.toContain('wrong-token-of-ours');
});
