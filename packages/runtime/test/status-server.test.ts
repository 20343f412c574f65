import { once } from 'node:events';
import { Agent, request } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';

import type { Health } from '@nephoscope/core';
import { Counter, Registry } from 'prom-client';

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
    { address = '127.0.0.1', port = 0, registry = new Registry() } = {},
  ) => {
    const server = createStatusServer({ address, port, checks, registry });
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

  it('answers /readyz with 200 while all is well and with 503 and the reasons while it is not', async () => {
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

  it('takes a check that throws for one that fails', async () => {
    const { url } = await started({
      bus: () => {
        throw new Error('a defect');
      },
    });
    const unready = await get(`${url}/readyz`);
    expect(unready.status).toBe(503);
    expect(JSON.parse(unready.body)).toEqual({ ready: false, checks: { bus: { ok: false, reason: 'a defect' } } });
  });

  it('answers /metrics as Prometheus wants it', async () => {
    const registry = new Registry();
    new Counter({ name: 'cycles_total', help: 'x', registers: [registry] }).inc(3);
    const { url } = await started({}, { registry });
    const { status, headers, body } = await get(`${url}/metrics`);
    expect(status).toBe(200);
    expect(headers['content-type']).toBe(registry.contentType);
    expect(body).toContain('cycles_total 3');
  });

  it('answers 500 when a metric cannot be read', async () => {
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

  it('answers HEAD without a body, with the length that it has', async () => {
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

  it('says which address it cannot have, and what to change', async () => {
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

  it('stops at once although a client keeps its connection open, and frees the port', async () => {
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

  it('may be stopped before it was started, twice, and at the same time', async () => {
    await create().stop();
    const server = await started();
    await Promise.all([server.stop(), server.stop()]);
    await server.stop();
  });

  it('writes an IPv6 address as a URL does', async () => {
    const { url } = await started({}, { address: '::1' });
    expect(url).toMatch(/^http:\/\/\[::1\]:\d+$/);
  });

  it('listens on loopback unless told otherwise', () => {
    expect(statusOptions(9_390).parse(undefined)).toEqual({ address: '127.0.0.1', port: 9_390 });
    expect(statusOptions(9_390).safeParse({ port: 65_536 }).success).toBe(false);
  });
});
