import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, request as httpRequest } from 'node:http';
import type { Server, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect } from 'node:net';
import type { AddressInfo, Server as NetServer } from 'node:net';
import type { Duplex } from 'node:stream';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ProxyRules, proxiesIn } from '../src/proxy.js';

import { recording } from './fake-cloud.js';
import { allOf, configOf, failureOf, sessionOf } from './support.js';

function via(url: string, env: Record<string, string>) {
  const settings = proxiesIn(env);
  return settings === undefined ? undefined : new ProxyRules(settings).proxyFor(new URL(url))?.href;
}
const http = { http_proxy: 'http://p:1' };

describe('the proxy of a URL', () => {
  it.each([
    ['http://a/', {}, undefined],
    ['http://a/', { http_proxy: 'http://p:1', https_proxy: 'http://q:2' }, 'http://p:1/'],
    ['https://a/', { http_proxy: 'http://p:1', https_proxy: 'http://q:2' }, 'http://q:2/'],
    ['http://a/', { HTTP_PROXY: 'http://p:1' }, 'http://p:1/'],
    ['https://a/', { HTTPS_PROXY: 'https://p:1' }, 'https://p:1/'],
    ['http://a/', { http_proxy: 'http://lower:1', HTTP_PROXY: 'http://upper:1' }, 'http://lower:1/'],
    ['http://a/', { http_proxy: '', HTTP_PROXY: 'http://upper:1' }, undefined],
    ['https://a/', { HTTP_PROXY: 'http://p:1' }, undefined],
    ['http://a/', { ALL_PROXY: 'http://p:1' }, 'http://p:1/'],
    ['https://a/', { all_proxy: 'http://p:1', https_proxy: 'http://q:1' }, 'http://q:1/'],
    ['http://a/', { http_proxy: 'proxy.example:3128' }, 'http://proxy.example:3128/'],
  ])('%s with %j is %s', (url, env, expected) => expect(via(url, env)).toBe(expected));

  it.each(['socks5://p:1', 'http://', 'http://user:secret-word@:1'])('is refused if it is %s', async (text) => {
    const error = await failureOf(Promise.resolve().then(() => proxiesIn({ HTTPS_PROXY: text })));
    expect(error).toMatchObject({
      code: 'OPENSTACK_CONFIG',
      message: expect.stringContaining('HTTPS_PROXY') as string,
    });
    expect(allOf(error)).not.toContain('secret-word');
  });

  it.each([
    ['*', ['http://a/', 'https://10.0.0.1:5000/'], []],
    [
      'a.example',
      ['http://a.example/', 'http://b.a.example:1/', 'https://A.EXAMPLE./'],
      ['http://ba.example/', 'http://example/'],
    ],
    ['.example,  c ', ['http://a.example/', 'http://example/', 'http://c:1/'], ['http://xexample/']],
    ['*.example', ['http://a.example/'], ['http://a.example.org/']],
    ['a:5000 b:80', ['http://a:5000/', 'http://b/'], ['http://a/', 'http://a:5001/', 'https://b/']],
    [
      '10.0.0.0/8,192.168.1.7',
      ['http://10.255.0.1:5000/', 'http://192.168.1.7/'],
      ['http://11.0.0.1/', 'http://192.168.1.8/', 'http://10.example/'],
    ],
    ['192.168.1.7:5000', ['http://192.168.1.7:5000/'], ['http://192.168.1.7:5001/']],
    [
      'fd00::/8,[2001:db8::1]:5000,2001:db8::2',
      ['http://[fd12::1]/', 'http://[2001:db8::1]:5000/', 'http://[2001:0db8:0::2]/'],
      ['http://[2001:db8::1]/', 'http://[fe00::1]/'],
    ],
    [
      '',
      ['http://localhost:1/', 'http://127.0.0.1/', 'http://127.9.9.9/', 'http://[::1]:5/', 'http://x.localhost/'],
      ['http://128.0.0.1/', 'http://localhost.example/'],
    ],
    [' , ,', [], ['http://a/']],
  ])('is not used with no_proxy=%s', (none, direct, proxied) => {
    const env = { ...http, https_proxy: 'http://p:1', NO_PROXY: none };
    expect(direct.map((url) => via(url, env))).toEqual(direct.map(() => undefined));
    expect(proxied.map((url) => via(url, env))).toEqual(proxied.map(() => 'http://p:1/'));
  });
});

describe('a session', () => {
  let proxy: Server;
  const seen: string[] = [];
  let answer: number | undefined;
  const servers: (Server | NetServer)[] = [];
  const sockets: Duplex[] = [];
  const sessions: ReturnType<typeof sessionOf>[] = [];
  const signal = new AbortController().signal;

  async function listen<T extends Server>(server: T): Promise<number> {
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return (server.address() as AddressInfo).port;
  }

  /** Resolves every name to this machine. */
  async function startProxy(): Promise<number> {
    proxy = createServer((incoming, response) => {
      seen.push(`${incoming.method} ${incoming.url} ${incoming.headers['proxy-authorization'] ?? ''}`);
      if (answer !== undefined) return void response.writeHead(answer).end();
      const { port, pathname, search } = new URL(incoming.url ?? '');
      const { 'proxy-authorization': _, ...headers } = incoming.headers;
      incoming.pipe(
        httpRequest({ port, path: pathname + search, method: incoming.method, headers }, (service) => {
          response.writeHead(service.statusCode ?? 500, service.headers);
          service.pipe(response);
        }),
      );
    });
    proxy.on('connect', (incoming, socket, head) => {
      seen.push(`CONNECT ${incoming.url} ${incoming.headers['proxy-authorization'] ?? ''}`);
      if (answer !== undefined) return void socket.end(`HTTP/1.1 ${answer} no\r\n\r\n`);
      const service = connect(Number(incoming.url?.split(':')[1]), '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
        service.write(head);
        service.pipe(socket).pipe(service);
      });
      for (const end of [socket, service]) end.on('error', () => socket.destroy());
    });
    return listen(proxy);
  }

  const keystone = (_: unknown, response: ServerResponse) => {
    const { body } = recording('keystone.auth.tokens.password-project-scoped').response;
    response.writeHead(201, { 'x-subject-token': 't' }).end(body);
  };

  function open(authUrl: string, env: Record<string, string>, tls = {}) {
    const config = configOf({ origin: () => authUrl });
    const made = sessionOf(
      { ...config, timeout: 5_000, tls: { ...config.tls, ...tls }, proxies: proxiesIn(env) },
      0,
    );
    sessions.push(made);
    return made.session;
  }

  afterEach(async () => {
    answer = undefined;
    seen.length = 0;
    for (const { session } of sessions.splice(0)) await session.close();
    for (const socket of sockets.splice(0)) socket.destroy();
    for (const server of servers.splice(0)) {
      if ('closeAllConnections' in server) server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it('uses a proxy for services at http, with the user of its URL', async () => {
    const [port, service] = [await startProxy(), await listen(createServer(keystone))];
    const session = open(`http://keystone.example:${service}`, {
      HTTP_PROXY: `http://me:p%40ss@127.0.0.1:${port}`,
    });
    expect(await session.endpoint({ type: 'image' }, signal)).toBe('http://127.0.0.1:9292');
    const basic = Buffer.from('me:p@ss').toString('base64');
    expect(seen).toEqual([`POST http://keystone.example:${service}/v3/auth/tokens Basic ${basic}`]);
  });

  it('reaches services at https by CONNECT, and trusts only their own certificate', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'openstack-proxy-'));
    const options = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
    const subject = ['-subj', '/CN=k', '-addext', 'subjectAltName=DNS:keystone.example'];
    execFileSync('openssl', ['req', '-x509', ...options, ...subject, '-keyout', 'key', '-out', 'pem'], {
      cwd: folder,
      stdio: 'pipe',
    });
    const [key, cert] = ['key', 'pem'].map((name) => readFileSync(join(folder, name), 'utf8'));
    rmSync(folder, { recursive: true });
    const port = await startProxy();
    const service = await listen(createTlsServer({ key, cert }, keystone) as unknown as Server);
    const env = { https_proxy: `127.0.0.1:${port}` };
    const url = `https://keystone.example:${service}`;
    expect(await open(url, env, { ca: cert }).endpoint({ type: 'image' }, signal)).toBe('http://127.0.0.1:9292');
    expect(seen).toEqual([`CONNECT keystone.example:${service} `]);
    expect(String(await failureOf(open(url, env).endpoint({ type: 'image' }, signal)))).toContain('not trusted');
  });

  it('does not use the proxy for no_proxy and loopback addresses', async () => {
    const [port, service] = [await startProxy(), await listen(createServer(keystone))];
    const session = open(`http://127.0.0.1:${service}`, { http_proxy: `http://127.0.0.1:${port}` });
    expect(await session.endpoint({ type: 'image' }, signal)).toBe('http://127.0.0.1:9292');
    expect(seen).toEqual([]);
  });

  it.each(['http', 'https'])('names the proxy in errors, without its password (%s)', async (scheme) => {
    const port = await startProxy();
    const env = { all_proxy: `http://me:secret-word@127.0.0.1:${port}` };
    const failure = () =>
      failureOf(open(`${scheme}://keystone.example:1`, env).endpoint({ type: 'image' }, signal));
    for (const status of [407, 403, 502]) {
      answer = status;
      const error = await failure();
      expect(error).toMatchObject({
        message: expect.stringContaining(`through the proxy http://127.0.0.1:${port}`) as string,
      });
      expect(String(error)).toContain(String(status));
      expect(allOf(error)).not.toContain('secret-word');
    }
    proxy.closeAllConnections();
    await new Promise((resolve) => proxy.close(resolve));
    servers.splice(0);
    expect(await failure()).toMatchObject({
      code: 'OPENSTACK_UNAVAILABLE',
      message: expect.stringContaining(`through the proxy http://127.0.0.1:${port}`) as string,
    });
  });

  it('ends in time if the proxy never answers', async () => {
    const port = await listen(
      createServer(() => undefined).on('connect', (_, socket) => void sockets.push(socket)),
    );
    for (const scheme of ['http', 'https']) {
      const config = configOf({ origin: () => `${scheme}://keystone.example` });
      const proxies = proxiesIn({ all_proxy: `http://127.0.0.1:${port}` });
      const made = sessionOf({ ...config, timeout: 300, proxies }, 0);
      sessions.push(made);
      expect(String(await failureOf(made.session.endpoint({ type: 'image' }, signal)))).toContain('within 0.3 s');
    }
  });
});
