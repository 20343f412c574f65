import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { Secret } from '@nephoscope/core/options';
import { RecordingLogger } from '@nephoscope/testing';
import { SignJWT, UnsecuredJWT, exportJWK, generateKeyPair } from 'jose';
import type { JWTPayload } from 'jose';

import { OidcTokens } from '../../src/access/oidc-tokens.js';
import { accessOptions } from '../../src/access/options.js';

type Key = Awaited<ReturnType<typeof generateKeyPair>>['privateKey'];

let issuerServer: Server;
let issuer: string;
let own: Key;
let foreign: Key;
let secret: Uint8Array;
let answers: Record<string, () => unknown>;
let asked: string[];
let tokens: OidcTokens;

/** A private issuer: its keys and their address, on loopback. */
beforeAll(async () => {
  const pair = await generateKeyPair('RS256', { extractable: true });
  own = pair.privateKey;
  foreign = (await generateKeyPair('RS256')).privateKey;
  secret = new TextEncoder().encode(JSON.stringify(await exportJWK(pair.publicKey)));
  const keys = [{ ...(await exportJWK(pair.publicKey)), kid: 'one', alg: 'RS256', use: 'sig' }];
  issuerServer = createServer((request, response) => {
    asked.push(request.url ?? '');
    const answer = answers[request.url ?? '']?.();
    response.writeHead(answer === undefined ? 500 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer ?? {}));
  });
  await new Promise<void>((resolve) => issuerServer.listen(0, '127.0.0.1', resolve));
  issuer = `http://127.0.0.1:${(issuerServer.address() as AddressInfo).port}`;
  usual = {
    '/.well-known/openid-configuration': () => ({ issuer, jwks_uri: `${issuer}/keys` }),
    '/keys': () => ({ keys }),
  };
});
let usual: typeof answers;
afterAll(async () => {
  issuerServer.closeAllConnections();
  await new Promise((resolve) => issuerServer.close(resolve));
});

beforeEach(() => {
  asked = [];
  answers = { ...usual };
  tokens = tokensOf({});
});

function tokensOf(options: object): OidcTokens {
  const { oidc } = accessOptions.parse({ oidc: { issuer, audience: 'metering', ...options } });
  return new OidcTokens(oidc!, new RecordingLogger());
}

const usualClaims = { project_id: 'p', roles: ['member'] };
function token(claims: JWTPayload = usualClaims, edit: (jwt: SignJWT) => SignJWT = (jwt) => jwt, header = {}) {
  const jwt = new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: 'one', ...header });
  return edit(jwt.setIssuer(issuer).setAudience('metering').setSubject('alice').setExpirationTime('5m'));
}
const callerOf = async (jwt: string | Promise<string>) => tokens.callerOf(new Secret(await jwt));
const denied = (status: number) => expect.objectContaining({ name: 'AccessDenied', status });

it.each([
  ['empty', ''],
  ['longer than an id may be', 'x'.repeat(256)],
])('refuses a token whose subject is %s', async (_, subject) => {
  await expect(callerOf(token(usualClaims, (jwt) => jwt.setSubject(subject)).sign(own))).rejects.toEqual(
    denied(401),
  );
});

it('determines the caller by its claims; the keys are fetched once', async () => {
  const caller = {
    kind: 'oidc',
    name: 'alice',
    role: 'member',
    scope: { project: 'p' },
    projectId: 'p',
    userId: 'alice',
  };
  expect(await callerOf(token().sign(own))).toEqual(caller);
  expect(await callerOf(token().sign(own))).toEqual(caller);
  expect(asked).toEqual(['/.well-known/openid-configuration', '/keys']);
});

it.each([
  [{ roles: ['admin'] }, {}, { role: 'admin', scope: 'all', projectId: null }],
  [{ roles: ['admin'], project_id: 'p' }, {}, { role: 'admin', scope: 'all', projectId: 'p' }],
  [{ roles: 'offline reader', project_id: 'p' }, {}, { role: 'reader', scope: { project: 'p' } }],
  [
    { realm_access: { roles: ['reader'] }, 'https://example.org/project': 'q' },
    { rolesClaim: 'realm_access.roles', projectClaim: 'https://example.org/project' },
    { role: 'reader', scope: { project: 'q' } },
  ],
])('is read with the claims %j and the options %j', async (claims, options, caller) => {
  tokens = tokensOf(options);
  expect(await callerOf(token(claims).sign(own))).toMatchObject(caller);
});

it.each([
  ['no project', { roles: ['member'] }],
  ['several projects', { roles: ['member'], project_id: ['p', 'q'] }],
  ['no role', { project_id: 'p' }],
  ['an unknown role', { project_id: 'p', roles: ['owner', { admin: true }] }],
  ['a claim named like a property of every object', { project_id: 'p', roles: undefined, constructor: ['admin'] }],
])('with %s permits nothing', async (_, claims) => {
  await expect(callerOf(token(claims as JWTPayload).sign(own))).rejects.toEqual(denied(403));
});

it.each([
  ['another key', () => token().sign(foreign)],
  ['another issuer', () => token(usualClaims, (jwt) => jwt.setIssuer('http://127.0.0.1:1')).sign(own)],
  ['another audience', () => token(usualClaims, (jwt) => jwt.setAudience('other')).sign(own)],
  ['an unknown key id', () => token(usualClaims, undefined, { kid: 'two' }).sign(own)],
  ['an expiry in the past', () => token(usualClaims, (jwt) => jwt.setExpirationTime('-5m')).sign(own)],
  ['a beginning in the future', () => token(usualClaims, (jwt) => jwt.setNotBefore('5m')).sign(own)],
  [
    'no expiry',
    () =>
      new SignJWT(usualClaims)
        .setProtectedHeader({ alg: 'RS256', kid: 'one' })
        .setIssuer(issuer)
        .setAudience('metering')
        .setSubject('alice')
        .sign(own),
  ],
  [
    'a signature that uses the public key as a shared secret',
    () => token(usualClaims, undefined, { alg: 'HS256' }).sign(secret),
  ],
  [
    'no signature',
    () =>
      Promise.resolve(
        new UnsecuredJWT(usualClaims)
          .setIssuer(issuer)
          .setAudience('metering')
          .setSubject('alice')
          .setExpirationTime('5m')
          .encode(),
      ),
  ],
  ['text that is not a JWT', () => Promise.resolve('eyJ.eyJ.x')],
])('with %s is refused', async (_, jwt) => {
  await expect(callerOf(jwt())).rejects.toEqual(denied(401));
});

it.each([
  ['/.well-known/openid-configuration', () => undefined],
  ['/.well-known/openid-configuration', () => ({ issuer: 'http://127.0.0.1:1', jwks_uri: `${issuer}/keys` })],
  ['/.well-known/openid-configuration', () => ({ issuer, jwks_uri: 'file:///etc/passwd' })],
  ['/keys', () => undefined],
  ['/keys', () => ({ keys: 'none' })],
])('is refused while %s is wrong, and accepted when it is right', async (path, answer) => {
  answers[path] = answer;
  await expect(callerOf(token().sign(own))).rejects.toEqual(denied(503));
  answers = { ...usual };
  expect(await callerOf(token().sign(own))).toMatchObject({ name: 'alice' });
});

it('of an issuer on another machine requires https', () => {
  const issuerOf = (url: string) => accessOptions.safeParse({ oidc: { issuer: url, audience: 'x' } }).success;
  expect([
    issuerOf('http://idp.example.org'),
    issuerOf('https://idp.example.org'),
    issuerOf('http://[::1]:8080'),
  ]).toEqual([false, true, true]);
});
