import { hostname } from 'node:os';
import { isIP } from 'node:net';
import { Readable } from 'node:stream';

import { NephoscopeError, describeError, isNephoscopeError } from '@nephoscope/core';
import type { Logger } from '@nephoscope/core';
import type { SampleReader } from '@nephoscope/core/sample-store';
import { fastify } from 'fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteHandler } from 'fastify';

import { AccessDenied } from './access/access-denied.js';
import { recogniseCallers } from './access/request-caller.js';
import type { Authenticate } from './access/request-caller.js';
import { capabilities, versions } from './ceilometer/about.js';
import type { Asked } from './ceilometer/asked.js';
import { complexQuery } from './ceilometer/complex-query.js';
import { Fault, faultBody } from './ceilometer/fault.js';
import { nested } from './ceilometer/nested.js';
import { parametersOf, valuesOf } from './ceilometer/parameters.js';
import { json } from './ceilometer/reply.js';
import type { Reply } from './ceilometer/reply.js';
import { meters, oneResource, resources } from './ceilometer/resources.js';
import { oldSamples, oneSample, samples } from './ceilometer/samples.js';
import { statistics } from './ceilometer/statistics.js';
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

type Handler = (asked: Asked, names: Readonly<Record<string, string>>, body: unknown) => Promise<Reply> | Reply;

/** The routes, ready to listen or to be asked by `inject`. */
export function createServer({ options, reader, logger, authenticate }: ServerParts): FastifyInstance {
  const server = fastify({
    exposeHeadRoutes: false,
    bodyLimit: 65_536,
    requestTimeout: 30_000,
    forceCloseConnections: true,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 4_096 },
    frameworkErrors: (_error, _request, reply) => void fail(reply, 400, 'the request is malformed'),
  });
  server.addHook('onRequest', async (request, reply) => {
    if (!isForUs(request.headers.host, options))
      return await fail(reply, 421, 'ask by an address, localhost, or a name in api.names');
    if (!takesJson(request.headers.accept))
      return await fail(reply, 406, 'the reply is application/json, which the request does not accept');
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
    return fail(reply, status, message);
  });
  server.setNotFoundHandler((request, reply) => {
    const allowed = /^\/v2\/query\/samples\/?(\?|$)/.test(request.url) ? 'POST' : 'GET';
    if (request.method === allowed) return fail(reply, 404, 'The resource could not be found.');
    void reply.header('allow', allowed);
    return fail(reply, 405, 'The method is not allowed for this resource.');
  });

  const answered =
    (handler: Handler): RouteHandler =>
    async (request, reply) => {
      const gone = new AbortController();
      reply.raw.once('close', () => {
        if (!reply.raw.writableFinished) gone.abort(new Error('the client went away'));
      });
      await reader.start(AbortSignal.any([gone.signal, AbortSignal.timeout(10_000)]));
      const asked = askedOf(request, options, reader, gone.signal);
      const answer = await handler(asked, request.params as Readonly<Record<string, string>>, request.body);
      return await send(reply, answer, logger);
    };
  const get = (path: string, handler: Handler) => server.get(path, answered(handler));

  server.get('/', { config: { isPublic: true } }, (request, reply) =>
    send(reply, json(versions(originOf(request))), logger),
  );
  get('/v2/capabilities', () => json(capabilities));
  get('/v2/meters', meters);
  get('/v2/meters/:meter', (asked, { meter = '' }) =>
    isOf2012(asked) ? nested(asked, 'v2', ['meters', meter]) : oldSamples(asked, meter),
  );
  get('/v2/meters/:meter/statistics', (asked, { meter = '' }) => statistics(asked, meter));
  get('/v2/samples', samples);
  get('/v2/samples/:id', (asked, { id = '' }) => oneSample(asked, id));
  server.post(
    '/v2/query/samples',
    answered((asked, _, body) => complexQuery(asked, body)),
  );
  get('/v2/resources', (asked) => (isOf2012(asked) ? nested(asked, 'v2', ['resources']) : resources(asked)));
  get('/v2/resources/:id', (asked, { id = '' }) => oneResource(asked, id));
  for (const version of ['v1', 'v2'] as const)
    get(`/${version}/*`, (asked) => nested(asked, version, segmentsOf(asked.path)));
  return server;
}

/** The first form of v2 had other arguments on the same paths. */
function isOf2012({ parameters }: Asked): boolean {
  return ['start_timestamp', 'end_timestamp'].some((name) => valuesOf(parameters, name).length > 0);
}

function askedOf(request: FastifyRequest, options: ApiOptions, reader: SampleReader, signal: AbortSignal): Asked {
  const { url } = request;
  const [path = '/'] = url.split('?');
  return {
    reader,
    options,
    scope: request.scope,
    path,
    origin: originOf(request),
    parameters: parametersOf(url),
    signal,
  };
}

/** Where it was asked, such as `http://localhost:8777`. */
function originOf({ headers }: FastifyRequest): string {
  return `http://${headers.host ?? 'localhost'}`;
}

/** Below the version. */
function segmentsOf(path: string): readonly string[] {
  const [, , ...segments] = path.replace(/\/$/, '').split('/');
  try {
    return segments.map(decodeURIComponent);
  } catch {
    throw new Fault(400, 'the path is malformed');
  }
}

/** What fails before the first part is there is a reply of its own; later, the connection is cut: no reply looks complete that is not. */
async function send(reply: FastifyReply, { body, headers = {} }: Reply, logger: Logger): Promise<FastifyReply> {
  if (typeof body === 'string') return await reply.headers(headers).type('application/json').send(body);
  const parts = body[Symbol.asyncIterator]();
  const first = await parts.next();
  async function* all() {
    if (first.done === true) return;
    yield first.value;
    for (let next = await parts.next(); next.done !== true; next = await parts.next()) yield next.value;
  }
  const stream = Readable.from(all(), { objectMode: false, highWaterMark: 65_536 });
  stream.on('error', (err) => logger.warn({ err }, 'a reply was broken off'));
  return await reply.headers(headers).type('application/json').send(stream);
}

async function fail(reply: FastifyReply, status: number, message: string): Promise<FastifyReply> {
  return await reply.code(status).type('application/json').send(faultBody(status, message));
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
  [415, 'send the body as application/json'],
]);

function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.name === 'TimeoutError';
}

/** A browser that was led here by another name must not read it for the page that led it (DNS rebinding). */
function isForUs(header: string | undefined, { address, names }: ApiOptions): boolean {
  const name = header
    ?.toLowerCase()
    .replace(/:\d*$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '');
  if (name === undefined || name === '' || isIP(name) !== 0 || name.endsWith('.localhost')) return true;
  return ['localhost', hostname(), address, ...names].some((known) => known.toLowerCase() === name);
}

function takesJson(accept: string | undefined): boolean {
  if (accept === undefined || accept.trim() === '') return true;
  return accept.split(',').some((range) => {
    const [type = '', ...parameters] = range
      .toLowerCase()
      .split(';')
      .map((part) => part.trim());
    return (
      ['*/*', 'application/*', 'application/json'].includes(type) &&
      !parameters.some((one) => /^q=0(\.0*)?$/.test(one))
    );
  });
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
