import { fastify } from 'fastify';
import type { FastifyInstance } from 'fastify';

import { AccessDenied } from '../../src/access/access-denied.js';
import { loopbackCaller } from '../../src/access/caller.js';
import { recogniseCallers } from '../../src/access/request-caller.js';
import { callerOf } from '../../src/access/roles.js';

let server: FastifyInstance;
let base: string;

beforeAll(async () => {
  server = fastify({ exposeHeadRoutes: false });
  recogniseCallers(server, ({ headers }) => {
    if (headers['x-auth-token'] !== 'known') throw new AccessDenied(401, 'no token');
    return { ...loopbackCaller, name: 'operator', scope: { project: 'p' } };
  });
  server.setErrorHandler((error, _, reply) =>
    reply.code(error instanceof AccessDenied ? error.status : 500).send(String(error)),
  );
  server.get('/closed', ({ caller, scope }) => [caller.name, scope]);
  server.get('/public', { config: { isPublic: true } }, () => 'for everybody');
  server.get('/mistaken', { config: { isPublic: true } }, ({ scope }) => [scope]);
  base = await server.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(() => server.close());

const ask = async (url: string, headers = {}) => {
  const response = await fetch(base + url, { headers });
  return [response.status, await response.text()];
};

it('every route has a caller with a scope, even routes that do not exist', async () => {
  expect(await ask('/closed', { 'x-auth-token': 'known' })).toEqual([200, '["operator",{"project":"p"}]']);
  expect(await ask('/closed')).toEqual([401, expect.stringContaining('no token')]);
  expect(await ask('/nowhere')).toEqual([401, expect.stringContaining('no token')]);
});

it('a public route has no caller, and fails if it uses one', async () => {
  expect(await ask('/public')).toEqual([200, 'for everybody']);
  expect(await ask('/mistaken', { 'x-auth-token': 'known' })).toEqual([500, expect.anything()]);
});

describe('roles', () => {
  const identity = { kind: 'keystone', name: 'u', userId: 'u', roles: ['reader'], on: { project: 'p' } } as const;

  it.each([
    [['admin', 'member', 'reader'], 'admin', 'all'],
    [[' Member '], 'member', { project: 'p' }],
    [['_member_', 'x'], 'member', { project: 'p' }],
    [['reader'], 'reader', { project: 'p' }],
  ])('%j in a project: the role is %s, the scope is %j', (roles, role, scope) => {
    expect(callerOf({ ...identity, roles })).toMatchObject({ role, scope, projectId: 'p' });
  });

  it('for the system permit everything', () => {
    expect(callerOf({ ...identity, on: 'system' })).toMatchObject({
      role: 'reader',
      scope: 'all',
      projectId: null,
    });
  });

  it.each([
    ['only unknown roles', { roles: ['administrator', 'swiftoperator'] }],
    ['a domain', { roles: ['admin'], on: 'domain' as const }],
    ['nothing', { roles: ['admin'], on: 'nothing' as const }],
  ])('%s: nothing is permitted', (_, other) => {
    expect(() => callerOf({ ...identity, ...other })).toThrow(expect.objectContaining({ status: 403 }));
  });
});
