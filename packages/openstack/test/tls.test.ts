import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import type { Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';

import { recording } from './fake-cloud.js';
import { configOf, failureOf, sessionOf } from './support.js';

const signal = new AbortController().signal;
let folder: string;
let server: Server;
let origin: string;
let served = 0;

/** A certificate authority for the tests, and its certificates for a service and a client. */
function makeCertificates(): void {
  const openssl = (...args: readonly string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  openssl('req', '-x509', ...key, '-subj', '/CN=our own CA', '-keyout', 'ca.key', '-out', 'ca.pem');
  for (const [name, extension] of [
    ['server', 'subjectAltName=IP:127.0.0.1'],
    ['client', 'extendedKeyUsage=clientAuth'],
  ] as const) {
    const signer = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-addext', extension];
    openssl(
      'req',
      '-x509',
      ...key,
      ...signer,
      '-subj',
      `/CN=${name}`,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.pem`,
    );
  }
}

const file = (name: string) => readFileSync(join(folder, name), 'utf8');

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'openstack-tls-'));
  makeCertificates();
  const tls = { key: file('server.key'), cert: file('server.pem'), ca: file('ca.pem'), requestCert: true };
  server = createServer({ ...tls, rejectUnauthorized: false }, (request, response) => {
    served += 1;
    const { authorized } = request.socket as TLSSocket;
    const { body } = recording('keystone.auth.tokens.password-project-scoped').response;
    response
      .writeHead(201, { 'x-subject-token': 't' })
      .end(
        body.replaceAll('http://127.0.0.1:9292', authorized ? 'https://known.example' : 'https://unknown.example'),
      );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true });
});

const none = { ca: undefined, cert: undefined, key: undefined, verify: true };

function connect(tls: Partial<ReturnType<typeof configOf>['tls']>) {
  return sessionOf(configOf({ origin: () => origin }, { tls: { ...none, ...tls } }));
}

it('trusts the configured CA', async () => {
  const { session, logged } = connect({ ca: file('ca.pem') });
  expect(await session.endpoint({ type: 'image' }, signal)).toBe('https://unknown.example');
  expect(logged.filter(({ level }) => level === 'warn')).toEqual([]);
  await session.close();
});

it('sends the configured client certificate', async () => {
  const { session } = connect({ ca: file('ca.pem'), cert: file('client.pem'), key: file('client.key') });
  expect(await session.endpoint({ type: 'image' }, signal)).toBe('https://known.example');
  await session.close();
});

it('sends nothing to a service with an untrusted certificate, and does not retry', async () => {
  const before = served;
  const { session, pauses } = connect({});
  const error = await failureOf(session.endpoint({ type: 'image' }, signal));
  expect(error).toMatchObject({ code: 'OPENSTACK_UNAVAILABLE', service: 'identity' });
  expect(String(error)).toContain('cacert');
  expect(pauses).toEqual([]);
  expect(served).toBe(before);
  await session.close();
});

it('does not verify certificates if configured so, with a warning', async () => {
  const { session, logged } = connect({ verify: false });
  expect(await session.endpoint({ type: 'image' }, signal)).toBe('https://unknown.example');
  expect(logged[0]).toMatchObject({ level: 'warn', message: expect.stringContaining('verify: false') as unknown });
  await session.close();
});
