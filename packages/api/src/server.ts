import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { isIP } from 'node:net';

import { NephoscopeError, describeError, isNephoscopeError } from '@nephoscope/core';
import type { Logger } from '@nephoscope/core';
import type { Secret } from '@nephoscope/core/options';
import type { SampleReader } from '@nephoscope/core/sample-store';
import type { Verifier } from '@nephoscope/message';
import { systemClock } from '@nephoscope/runtime';
import { fastify } from 'fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

import { AccessDenied } from './access/access-denied.js';
import { auditRequests } from './access/audit.js';
import type { Audit } from './access/audit.js';
import { Limits, limitCallers } from './access/limits.js';
import { isAuthenticated } from './access/options.js';
import { recogniseCallers } from './access/request-caller.js';
import type { Authenticate } from './access/request-caller.js';
import { sealCursors } from './access/sealed-cursors.js';
import { Fault } from './ceilometer/fault.js';
import { ceilometerRoutes, fail as failAsCeilometer } from './ceilometer/routes.js';
import type { ApiOptions } from './options.js';
import type { SamplePublisher } from './ceilometer/posting/sample-publisher.js';
import { prometheusRoutes } from './prometheus/routes.js';
import { endStalled } from './stalled.js';
import { isOurs, isRoute, ourRoutes, sendPlainProblem, sendProblem } from './v3/plugin.js';
import { problemOf } from './v3/problem.js';

/** Seconds after which a client may retry while the database is unavailable. */
const retryAfter = '5';

export interface ServerParts {
  readonly options: ApiOptions;
  /** Started, or not yet: it is started by the first request. */
  readonly reader: SampleReader;
  readonly logger: Logger;
  readonly authenticate: Authenticate;
  /** Told of each request. */
  readonly audit?: Audit | undefined;
  /** Cursors of callers who do not see all are encrypted with. Without any, with a key of this process. */
  readonly secrets?: readonly Secret[] | undefined;
  /** Without one, no samples may be posted. */
  readonly publisher?: SamplePublisher | undefined;
  /** Checks the signatures of samples; without it `/v3` says that it did not. */
  readonly verifier?: Verifier | undefined;
  /** ms after which a client that takes nothing of its reply is ended. */
  readonly stalledAfter?: number | undefined;
}

/** The routes, ready to listen, or to be called with `inject`. */
export function createServer({
  options,
  reader: unsealed,
  logger,
  authenticate,
  secrets,
  audit,
  verifier,
  publisher,
  stalledAfter = 60_000,
}: ServerParts): FastifyInstance {
  const reader = sealCursors(unsealed, secrets);
  const server = fastify({
    ...certificateOf(options),
    exposeHeadRoutes: false,
    bodyLimit: 65_536,
    requestTimeout: 30_000,
    forceCloseConnections: true,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 4_096 },
    frameworkErrors: (_error, request, reply) => void fail(reply, request, 400, 'the request is malformed'),
  });
  auditRequests(server, audit);
  server.addHook('onRequest', async (request, reply) => {
    if (!isForUs(request.headers.host, options))
      return await fail(reply, request, 421, 'ask by an address, localhost, or a name in api.names');
    return undefined;
  });
  endStalled(server, stalledAfter, logger);
  recogniseCallers(server, authenticate);
  limitCallers(server, new Limits(options.limits));
  server.setErrorHandler((error, request, reply) => {
    // Nobody waits for the reply any more, and its reading has ended.
    if (reply.raw.destroyed) {
      logger.debug({ url: request.url.slice(0, 1_000) }, 'a client went away');
      return reply.hijack();
    }
    // Of the reply that was meant to be.
    for (const name of ['content-encoding', 'etag', 'link']) reply.removeHeader(name);
    const problem = isOurs(request.url) ? problemOf(error) : undefined;
    if (problem !== undefined) return sendProblem(reply, problem);
    const { status, message, isDefect } = explained(error);
    if (error instanceof AccessDenied) void reply.headers(error.headers);
    if (status === 401 && !reply.hasHeader('www-authenticate')) void reply.header('www-authenticate', 'Bearer');
    if (isDefect) logger.error({ err: error, url: request.url.slice(0, 1_000) }, 'a request failed');
    if (status === 503 && !reply.hasHeader('retry-after')) void reply.header('retry-after', retryAfter);
    return fail(reply, request, status, message);
  });
  server.setNotFoundHandler((request, reply) => {
    if (!isOurs(request.url) || !isRoute(request.url))
      return fail(reply, request, 404, 'The resource could not be found.');
    void reply.header('allow', 'GET');
    return fail(reply, request, 405, 'The method is not allowed for this resource.');
  });
  void server.register((scope, _options, done) => {
    ceilometerRoutes(scope, { options, reader, logger, publisher });
    done();
  });
  prometheusRoutes(server, reader, systemClock);
  ourRoutes(server, { reader, verifier, logger });
  return server;
}

/** In the form of the API that was asked. */
async function fail(
  reply: FastifyReply,
  request: FastifyRequest,
  status: number,
  message: string,
): Promise<FastifyReply> {
  return await (isOurs(request.url)
    ? sendPlainProblem(reply, status, message)
    : failAsCeilometer(reply, request, status, message));
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
  if (isNephoscopeError(error, 'SAMPLES_UNSENT'))
    return {
      status: 503,
      message:
        'It is not known whether the samples arrived. Repeat the request: those that had a timestamp are recorded once',
    };
  if (isNephoscopeError(error, 'SAMPLES_UNRECORDED'))
    return {
      status: 503,
      message:
        'The samples are on the bus, and no collector has recorded them within 10 s. Those that had a timestamp are recorded once if the request is repeated. What a collector refuses is among its dead letters',
    };
  // Without its message, which may name hosts and paths.
  if (isOfDatabase(error)) return { status: 503, message: 'the database cannot be read at the moment' };
  if (isNephoscopeError(error, 'TOKENS_UNAVAILABLE') || isNephoscopeError(error, 'TOKEN_INVALID'))
    return { status: 503, message: 'tokens cannot be checked at the moment' };
  const status = (error as { readonly statusCode?: unknown }).statusCode;
  if (typeof status === 'number' && status >= 400 && status < 500)
    return { status, message: malformed.get(status) ?? 'the request is malformed' };
  return { status: 500, message: 'the request failed', isDefect: true };
}

const malformed: ReadonlyMap<number, string> = new Map([
  [413, 'the body is too large'],
  [415, 'send the body as application/json or application/xml'],
]);

/** Only these: who reads that the database is away looks there, and asks again, in vain if it is something else. */
function isOfDatabase(error: unknown): boolean {
  if (error instanceof Error && error.name === 'TimeoutError') return true;
  return isNephoscopeError(error) && (error.code.startsWith('STORE_') || error.code === 'SQLITE_FILE');
}

/**
 * A browser that was led here by a foreign name must not read replies for the page that led it (DNS rebinding). If a token is required,
 * which such a page does not have, every name is accepted.
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
