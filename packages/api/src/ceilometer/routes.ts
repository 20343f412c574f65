import type { Logger } from '@nephoscope/core';
import type { SampleReader } from '@nephoscope/core/sample-store';
import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods, RouteHandlerMethod } from 'fastify';

import type { ApiOptions } from '../options.js';
import { originOf } from '../origin.js';
import type { SamplePublisher } from './posting/sample-publisher.js';
import { capabilities, versions } from './about.js';
import type { Asked } from './asked.js';
import type { Body } from './body.js';
import { complexQuery } from './complex-query.js';
import { Fault, faultBody } from './fault.js';
import { acceptedType } from './media-type.js';
import type { MediaType } from './media-type.js';
import { movedAway } from './moved-away.js';
import { nested } from './nested.js';
import { parametersOf, valuesOf } from './parameters.js';
import { postSamples } from './posting/post-samples.js';
import { json } from './reply.js';
import type { Reply } from './reply.js';
import { meters, oneResource, resources } from './resources.js';
import { oldSamples, oneSample, samples } from './samples.js';
import { send } from './send.js';
import { statistics } from './statistics.js';

export interface CeilometerParts {
  readonly options: ApiOptions;
  readonly reader: SampleReader;
  /** Without one, no samples may be posted. */
  readonly publisher?: SamplePublisher | undefined;
  readonly logger: Logger;
}

type Handler = (asked: Asked, names: Readonly<Record<string, string>>) => Promise<Reply> | Reply;

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const satisfies HTTPMethods[];
type Method = (typeof methods)[number];

/** In bytes. Filters are short, and each is compared with many samples. */
const longestFilter = 65_536;
/** Bytes of samples that are posted. */
const longestList = 1_048_576;

/** `/v1`, `/v2` and `/`: Ceilometer's API in its three versions. */
export function ceilometerRoutes(server: FastifyInstance, parts: CeilometerParts): void {
  const { options, reader, logger } = parts;
  server.removeAllContentTypeParsers();
  for (const type of ['application/json', 'application/xml', 'text/xml'])
    server.addContentTypeParser(type, { parseAs: 'string' }, (_request, text: string, done) =>
      done(null, text === '' ? undefined : ({ isXml: type !== 'application/json', text } satisfies Body)),
    );

  const answered =
    (handler: Handler): RouteHandlerMethod =>
    async (request, reply) => {
      const type = replyType(request);
      if (type === undefined)
        throw new Fault(406, 'the reply is JSON or XML, neither of which the request accepts');
      const gone = new AbortController();
      reply.raw.once('close', () => {
        if (!reply.raw.writableFinished) gone.abort(new Error('the client went away'));
      });
      await reader.start(AbortSignal.any([gone.signal, AbortSignal.timeout(10_000)]));
      const asked = askedOf(request, parts, gone.signal);
      return await send(reply, await handler(asked, request.params as Record<string, string>), type, logger);
    };
  // Before the body is read.
  const refuseAllBut = (allowed: readonly Method[], url: string) => {
    const refuse = async (request: FastifyRequest, reply: FastifyReply) =>
      await fail(
        reply.header('allow', allowed.join(', ')),
        request,
        405,
        'The method is not allowed for this resource.',
      );
    const others = methods.filter((method) => !allowed.includes(method));
    server.route({ method: others, url, onRequest: refuse, handler: refuse });
  };
  const route = (url: string, handlers: Partial<Record<Method, Handler>>, bodyLimit = longestFilter) => {
    for (const [method, handler] of Object.entries(handlers))
      server.route({ method, url, bodyLimit, handler: answered(handler) });
    refuseAllBut(
      methods.filter((method) => method in handlers),
      url,
    );
  };

  server.get('/', { config: { isPublic: true } }, (request, reply) =>
    send(reply, json(versions(originOf(request, options))), replyType(request) ?? 'application/json', logger),
  );
  refuseAllBut(['GET'], '/');
  route('/v2/capabilities', { GET: () => json(capabilities) });
  route('/v2/meters', { GET: meters });
  const meter = {
    GET: (asked, { meter: name = '' }) =>
      isOf2012(asked) ? nested(asked, 'v2', ['meters', name]) : oldSamples(asked, name),
    POST: (asked, { meter: name = '' }) => postSamples(asked, name),
  } satisfies Partial<Record<Method, Handler>>;
  route('/v2/meters/:meter', meter, longestList);
  route('/v2/meters/:meter/statistics', { GET: (asked, { meter = '' }) => statistics(asked, meter) });
  route('/v2/samples', { GET: samples });
  route('/v2/samples/:id', { GET: (asked, { id = '' }) => oneSample(asked, id) });
  route('/v2/query/samples', { POST: complexQuery });
  route('/v2/resources', {
    GET: (asked) => (isOf2012(asked) ? nested(asked, 'v2', ['resources']) : resources(asked)),
  });
  route('/v2/resources/:id', { GET: (asked, { id = '' }) => oneResource(asked, id) });
  for (const [path, fault] of movedAway)
    server.all(path, { onRequest: () => Promise.reject(fault()) }, () => undefined);
  for (const version of ['v1', 'v2'] as const)
    route(`/${version}/*`, { GET: (asked) => nested(asked, version, segmentsOf(asked.path)) });
}

/** An error in a form that the client accepts. */
export async function fail(
  reply: FastifyReply,
  request: FastifyRequest,
  status: number,
  message: string,
): Promise<FastifyReply> {
  const type = replyType(request) ?? 'application/json';
  const charset = type === 'application/json' ? '' : '; charset=utf-8';
  return await reply
    .code(status)
    .type(`${type}${charset}`)
    .send(faultBody(status, message, type));
}

/** v1 supports only JSON, whatever the client accepts. */
function replyType({ url, headers }: FastifyRequest): MediaType | undefined {
  return /^\/v1(?:[/?]|$)/.test(url) ? 'application/json' : acceptedType(headers.accept);
}

/** The first form of v2 has other arguments on the same paths. */
function isOf2012({ parameters }: Asked): boolean {
  return ['start_timestamp', 'end_timestamp'].some((name) => valuesOf(parameters, name).length > 0);
}

function askedOf(
  request: FastifyRequest,
  { options, reader, publisher }: CeilometerParts,
  signal: AbortSignal,
): Asked {
  const { url } = request;
  const [path = '/'] = url.split('?');
  return {
    reader,
    options,
    scope: request.scope,
    caller: request.caller,
    publisher,
    path,
    origin: originOf(request, options),
    parameters: parametersOf(url),
    body: request.body as Body | undefined,
    signal,
  };
}

/** The path after the version. */
function segmentsOf(path: string): readonly string[] {
  const [, , ...segments] = path.replace(/\/$/, '').split('/');
  try {
    return segments.map(decodeURIComponent);
  } catch {
    throw new Fault(400, 'the path is malformed');
  }
}
