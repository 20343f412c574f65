import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { isIP } from 'node:net';

import { NephoscopeError, describeError, isNephoscopeError } from '@nephoscope/core';
import type { Logger } from '@nephoscope/core';
import type { SampleReader } from '@nephoscope/core/sample-store';
import { fastify } from 'fastify';
import type { FastifyInstance } from 'fastify';

import { AccessDenied } from './access/access-denied.js';
import { isAuthenticated } from './access/options.js';
import { recogniseCallers } from './access/request-caller.js';
import type { Authenticate } from './access/request-caller.js';
import { Fault } from './ceilometer/fault.js';
import { ceilometerRoutes, fail } from './ceilometer/routes.js';
import type { ApiOptions } from './options.js';

/** s after which a client may ask again while the database is away. */
const retryAfter = '5';

export interface ServerParts {
  readonly options: ApiOptions;
  /** Started already, or not yet: it is started when it is asked. */
  readonly reader: SampleReader;
  readonly logger: Logger;
  readonly authenticate: Authenticate;
}

/** The routes, ready to listen or to be asked by `inject`. */
export function createServer({ options, reader, logger, authenticate }: ServerParts): FastifyInstance {
  const server = fastify({
    ...certificateOf(options),
    exposeHeadRoutes: false,
    bodyLimit: 65_536,
    requestTimeout: 30_000,
    forceCloseConnections: true,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 4_096 },
    frameworkErrors: (_error, request, reply) => void fail(reply, request, 400, 'the request is malformed'),
  });
  server.addHook('onRequest', async (request, reply) => {
    if (!isForUs(request.headers.host, options))
      return await fail(reply, request, 421, 'ask by an address, localhost, or a name in api.names');
    return undefined;
  });
  recogniseCallers(server, authenticate);
  server.setErrorHandler((error, request, reply) => {
    // Nobody waits for a reply, and what was read ended with them.
    if (reply.raw.destroyed) {
      logger.debug({ url: request.url.slice(0, 1_000) }, 'a client went away');
      return reply.hijack();
    }
    const { status, message, isDefect } = explained(error);
    if (error instanceof AccessDenied) void reply.headers(error.headers);
    if (status === 401 && !reply.hasHeader('www-authenticate')) void reply.header('www-authenticate', 'Bearer');
    if (isDefect) logger.error({ err: error, url: request.url.slice(0, 1_000) }, 'a request failed');
    if (status === 503 && !reply.hasHeader('retry-after')) void reply.header('retry-after', retryAfter);
    return fail(reply, request, status, message);
  });
  server.setNotFoundHandler((request, reply) => fail(reply, request, 404, 'The resource could not be found.'));
  void server.register((scope, _options, done) => {
    ceilometerRoutes(scope, { options, reader, logger });
    done();
  });
  return server;
}

/** @throws API_CERTIFICATE */
function certificateOf({ tls }: ApiOptions): { readonly https?: { readonly cert: Buffer; readonly key: Buffer } } {
  if (tls === undefined) return {};
  try {
    return { https: { cert: readFileSync(tls.cert), key: readFileSync(tls.key) } };
  } catch (error) {
    throw new NephoscopeError('API_CERTIFICATE', `the files of 'api.tls' cannot be read`, { cause: error });
  }
}

function explained(error: unknown): {
  readonly status: number;
  readonly message: string;
  readonly isDefect?: true;
} {
  if (error instanceof Fault || error instanceof AccessDenied)
    return { status: error.status, message: error.message };
  if (isNephoscopeError(error, 'CURSOR_INVALID')) return { status: 400, message: describeError(error) };
  // Not its message: it may name hosts and paths.
  if (isNephoscopeError(error) || isTimeout(error))
    return { status: 503, message: 'the database cannot be read at the moment' };
  const status = (error as { readonly statusCode?: unknown }).statusCode;
  if (typeof status === 'number' && status >= 400 && status < 500)
    return { status, message: malformed.get(status) ?? 'the request is malformed' };
  return { status: 500, message: 'the request failed', isDefect: true };
}

const malformed: ReadonlyMap<number, string> = new Map([
  [413, 'the body is too large'],
  [415, 'send the body as application/json or application/xml'],
]);

function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.name === 'TimeoutError';
}

/**
 * A browser that was led here by another name must not read it for the page that led it (DNS rebinding). Where a token is needed, which
 * a page does not have, every name is right.
 */
function isForUs(header: string | undefined, { address, names, access }: ApiOptions): boolean {
  if (isAuthenticated(access)) return true;
  const name = header
    ?.toLowerCase()
    .replace(/:\d*$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '');
  if (name === undefined || name === '' || isIP(name) !== 0 || name.endsWith('.localhost')) return true;
  return ['localhost', hostname(), address, ...names].some((known) => known.toLowerCase() === name);
}

/** @throws API_ADDRESS */
export async function listen(
  server: FastifyInstance,
  { address, port }: Pick<ApiOptions, 'address' | 'port'>,
): Promise<string> {
  try {
    return await server.listen({ host: address, port });
  } catch (error) {
    throw new NephoscopeError('API_ADDRESS', `cannot listen on ${address}:${port}: choose another 'api.port'`, {
      cause: error,
    });
  }
}
