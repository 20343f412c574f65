import { once } from 'node:events';
import { Agent, request } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { hostname } from 'node:os';

import type { Health } from '@nephoscope/core';
import { Counter, Registry } from 'prom-client';

import { hideInLogs } from '../src/log-line.js';
import { createStatusServer, statusOptions } from '../src/status-server.js';
import type { HealthChecks, StatusServer } from '../src/status-server.js';

describe('the status server', () => {
  const signal = new AbortController().signal;
  let opened: StatusServer[];
  beforeEach(() => {
    opened = [];
  });
  afterEach(() => Promise.all(opened.map((server) => server.stop())));

  const create = (
    checks: HealthChecks = {},
    { address = '127.0.0.1', port = 0, registry = new Registry(), names = [] as readonly string[] } = {},
  ) => {
    const server = createStatusServer({ address, port, names, checks, registry });
    opened.push(server);
    return server;
  };
  const started = async (...args: Parameters<typeof create>) => {
    const server = create(...args);
    await server.start(signal);
    return server;
  };
  const get = (url: string, method = 'GET', agent?: Agent) =>
    new Promise<{ status: number | undefined; headers: IncomingHttpHeaders; body: string }>((resolve, reject) => {
      request(url, { method, agent }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve({
            status: response.statusCode,
            headers: response.headers,
            body: Buffer.concat(chunks).toString(),
          }),
        );
        response.on('error', reject);
      })
        .on('error', reject)
        .end();
    });

  it('answers /healthz', async () => {
    const { url } = await started();
    expect(await get(`${url}/healthz`)).toMatchObject({ status: 200, body: 'ok\n' });
    expect(await get(`${url}/healthz?verbose=1`)).toMatchObject({ status: 200 });
  });

  it('answers /readyz with 200 while everything is healthy, and otherwise with 503 and the reasons', async () => {
    let health: Health = { ok: true };
    const { url } = await started({ bus: () => health, store: () => ({ ok: true }) });
    const ready = await get(`${url}/readyz`);
    expect(ready.status).toBe(200);
    expect(JSON.parse(ready.body)).toEqual({ ready: true, checks: { bus: { ok: true }, store: { ok: true } } });
    health = { ok: false, reason: 'no broker' };
    const unready = await get(`${url}/readyz`);
    expect(unready.status).toBe(503);
    expect(unready.headers['content-type']).toBe('application/json');
    expect(JSON.parse(unready.body)).toEqual({
      ready: false,
      checks: { bus: { ok: false, reason: 'no broker' }, store: { ok: true } },
    });
  });

  it('shows no known secret, and nothing that affects a terminal', async () => {
    hideInLogs((text) => text.replaceAll('learned-token', '[secret]'));
    const reason = 'the service said learned-token \u202e\u009b31m';
    const { url } = await started({ cloud: () => ({ ok: false, reason }) });
    const { body } = await get(`${url}/readyz`);
    expect(body).toContain('the service said [secret] \\u202e\\u009b31m');
  });

  it('treats a check that throws as a failing one', async () => {
    const { url } = await started({
      bus: () => {
        throw new Error('a defect');
      },
    });
    const unready = await get(`${url}/readyz`);
    expect(unready.status).toBe(503);
    expect(JSON.parse(unready.body)).toEqual({ ready: false, checks: { bus: { ok: false, reason: 'a defect' } } });
  });

  it("answers /metrics in Prometheus's format", async () => {
    const registry = new Registry();
    new Counter({ name: 'cycles_total', help: 'x', registers: [registry] }).inc(3);
    const { url } = await started({}, { registry });
    const { status, headers, body } = await get(`${url}/metrics`);
    expect(status).toBe(200);
    expect(headers['content-type']).toBe(registry.contentType);
    expect(body).toContain('cycles_total 3');
  });

  it('answers 500 if a metric cannot be read', async () => {
    const registry = new Registry();
    new Counter({
      name: 'x_total',
      help: 'x',
      registers: [registry],
      collect: () => {
        throw new Error('a defect');
      },
    });
    const { url } = await started({}, { registry });
    expect(await get(`${url}/metrics`)).toMatchObject({ status: 500, body: expect.stringContaining('a defect') });
  });

  it('answers HEAD without a body, but with its length', async () => {
    const { url } = await started();
    expect(await get(`${url}/healthz`, 'HEAD')).toMatchObject({
      status: 200,
      body: '',
      headers: { 'content-length': '3' },
    });
    expect(await get(`${url}/metrics`, 'HEAD')).toMatchObject({ status: 200, body: '' });
  });

  it('refuses other paths and methods', async () => {
    const { url } = await started();
    expect(await get(`${url}/`)).toMatchObject({ status: 404, body: 'try /healthz, /readyz or /metrics\n' });
    expect(await get(`${url}/healthz`, 'POST')).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } });
  });

  const asked = (url: string, head: string) =>
    new Promise<string>((resolve, reject) => {
      const socket = connect(Number(new URL(url).port), '127.0.0.1', () => socket.write(head));
      let answer = '';
      socket.setEncoding('utf8').on('data', (text: string) => (answer += text));
      socket.on('close', () => resolve(answer.slice(0, answer.indexOf('\r\n'))));
      socket.on('error', reject);
    });

  it.each([
    ['127.0.0.1', 200],
    ['127.0.0.1:9390', 200],
    ['[::1]:9390', 200],
    ['192.0.2.7', 200],
    ['localhost:9390', 200],
    ['LOCALHOST.', 200],
    ['a.localhost', 200],
    [hostname(), 200],
    ['compute-1.example.org:80', 200],
    ['example.org', 421],
    ['compute-1.example.org.evil.test', 421],
    ['localhost.evil.test:9390', 421],
    ['127.0.0.1.evil.test', 421],
    ['evil.test/localhost', 421],
    ['localhost@evil.test', 421],
  ])('requested as %s answers %d', async (host, status) => {
    const { url } = await started({}, { names: ['Compute-1.example.org'] });
    for (const path of ['/healthz', '/readyz', '/metrics'])
      expect(await asked(url, `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)).toContain(
        ` ${status} `,
      );
  });

  it('answers a client that sends no host, as in HTTP/1.0', async () => {
    const { url } = await started();
    expect(await asked(url, 'GET /healthz HTTP/1.0\r\n\r\n')).toContain(' 200 ');
  });

  it('refuses huge headers', async () => {
    const { url } = await started();
    const huge = `GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(10_000)}\r\n\r\n`;
    expect(await asked(url, huge)).toContain(' 431 ');
  });

  it('keeps at most 64 connections open, and closes further ones', async () => {
    const { url } = await started();
    let closed = 0;
    const sockets = Array.from({ length: 100 }, () => connect(Number(new URL(url).port), '127.0.0.1'));
    await new Promise<void>((resolve) => {
      for (const socket of sockets)
        socket
          .on('error', () => undefined)
          .on('close', () => ++closed === 36 && resolve())
          .resume();
    });
    for (const socket of sockets) socket.destroy();
  });

  it('reports an address that it cannot use, and what to change', async () => {
    const { url } = await started();
    const port = Number(new URL(url).port);
    const second = create({}, { port });
    await expect(second.start(signal)).rejects.toMatchObject({
      code: 'STATUS_ADDRESS',
      message: `cannot listen on 127.0.0.1:${port} for health and metrics: choose another 'status.port'`,
      cause: { code: 'EADDRINUSE' },
    });
    await second.stop();
    expect(await get(`${url}/healthz`)).toMatchObject({ status: 200 });
  });

  it('stops at once even if a client keeps its connection open, and frees the port', async () => {
    const agent = new Agent({ keepAlive: true });
    try {
      const server = await started();
      const { url } = server;
      const kept = once(agent, 'free');
      await get(`${url}/healthz`, 'GET', agent);
      await kept;
      await server.stop();
      await started({}, { port: Number(new URL(url).port) });
    } finally {
      agent.destroy();
    }
  });

  it('can be stopped before it was started, twice, and at the same time', async () => {
    await create().stop();
    const server = await started();
    await Promise.all([server.stop(), server.stop()]);
    await server.stop();
  });

  it('formats an IPv6 address as in a URL', async () => {
    const { url } = await started({}, { address: '::1' });
    expect(url).toMatch(/^http:\/\/\[::1\]:\d+$/);
  });

  it('listens on loopback by default', () => {
    expect(statusOptions(9_390).parse(undefined)).toEqual({ address: '127.0.0.1', port: 9_390, names: [] });
    expect(statusOptions(9_390).safeParse({ port: 65_536 }).success).toBe(false);
  });
});
