import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';

import { NephoscopeError } from '@nephoscope/core';
import type { Health } from '@nephoscope/core';
import type { Registry } from 'prom-client';
import { z } from 'zod';

import { healthOf } from './health-of.js';
import type { Component } from './lifecycle.js';
import { sayable } from './log-line.js';

/** The result of {@link statusOptions}. */
export interface StatusOptions {
  readonly address: string;
  readonly port: number;
  /** Further names of this host. */
  readonly names?: readonly string[];
}

/** Where a daemon serves its status. */
export const statusOptions = (port: number) =>
  z
    .strictObject({
      address: z
        .string()
        .default('127.0.0.1')
        .describe('Address to listen on. It is not authenticated: keep it on loopback or behind a proxy.'),
      port: z
        .number()
        .int()
        .min(0)
        .max(65_535)
        .default(port)
        .describe('TCP port; 0 chooses a free one and logs it.'),
      names: z
        .array(z.string().min(1))
        .default([])
        .describe(
          "Host names accepted in requests, in addition to its address, `localhost` and the machine's host name, such as `compute-1.example.org`. Any other is answered with 421.",
        ),
    })
    .prefault({})
    .describe(
      '`/healthz` (the process answers), `/readyz` (everything it needs works) and `/metrics` (Prometheus).',
    );

/** The checks of `/readyz`, by the names that it reports. */
export type HealthChecks = Readonly<Record<string, () => Health>>;

export interface StatusServer extends Component {
  /** Its address, once started. */
  readonly url: string;
}

/**
 * Serves `/healthz`, `/readyz` (503 with the reasons while a check fails) and `/metrics`. `start` throws
 * STATUS_ADDRESS if the address is not available.
 */
export function createStatusServer(
  options: StatusOptions & { readonly checks: HealthChecks; readonly registry: Registry },
): StatusServer {
  const { address, port, names = [], checks, registry } = options;
  const known = new Set(['localhost', hostname(), address, ...names].map((name) => name.toLowerCase()));
  const isForUs = ({ headers }: IncomingMessage) => {
    const name = hostNameOf(headers.host);
    return name === undefined || isIP(name) !== 0 || known.has(name) || name.endsWith('.localhost');
  };
  const server = createServer({ maxHeaderSize: 8_192 }, (request, response) => {
    const send = (status: number, type: string, body: string) => {
      response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) });
      response.end(request.method === 'HEAD' ? undefined : body);
    };
    const path = (request.url ?? '').split('?')[0];
    if (!isForUs(request)) {
      // A browser that reached this under another name must not read it on behalf of a web page (DNS rebinding).
      send(421, 'text/plain', 'ask by the address, localhost, or a name in status.names\n');
    } else if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD');
      send(405, 'text/plain', 'GET only\n');
    } else if (path === '/healthz') {
      send(200, 'text/plain', 'ok\n');
    } else if (path === '/readyz') {
      const report = Object.fromEntries(Object.entries(checks).map(([name, check]) => [name, healthOf(check)]));
      const ready = Object.values(report).every((health) => health.ok);
      send(
        ready ? 200 : 503,
        'application/json',
        sayable(`${JSON.stringify({ ready, checks: report }, null, 2)}\n`),
      );
    } else if (path === '/metrics') {
      registry.metrics().then(
        (text) => send(200, registry.contentType, text),
        (error: unknown) => send(500, 'text/plain', `${String(error)}\n`),
      );
    } else {
      send(404, 'text/plain', 'try /healthz, /readyz or /metrics\n');
    }
  });
  // Idle clients must neither keep a stopping daemon alive nor use up its descriptors.
  server.keepAliveTimeout = 1_000;
  server.headersTimeout = 5_000;
  server.requestTimeout = 5_000;
  server.timeout = 10_000;
  server.maxConnections = 64;
  server.maxRequestsPerSocket = 1_000;

  return {
    name: 'status server',
    get url() {
      const bound = server.address() as AddressInfo;
      return `http://${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}`;
    },
    start: () =>
      new Promise((resolve, reject) => {
        // Kept, because a connection that cannot be accepted later, for lack of descriptors, must not end the daemon.
        server.on('error', (error) =>
          reject(
            new NephoscopeError(
              'STATUS_ADDRESS',
              `cannot listen on ${address}:${port} for health and metrics: choose another 'status.port'`,
              { cause: error },
            ),
          ),
        );
        server.listen(port, address, resolve);
      }),
    stop: () =>
      new Promise((resolve, reject) => {
        server.close((error) =>
          error && (error as NodeJS.ErrnoException).code !== 'ERR_SERVER_NOT_RUNNING' ? reject(error) : resolve(),
        );
        server.closeAllConnections();
      }),
  };
}

/** The host name of a request, without port, brackets and trailing dot. Undefined without a Host header (HTTP/1.0). */
function hostNameOf(header: string | undefined): string | undefined {
  if (header === undefined || header === '') return undefined;
  return header
    .toLowerCase()
    .replace(/:\d*$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '');
}
