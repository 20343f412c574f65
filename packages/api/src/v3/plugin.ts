import type { Logger } from '@nephoscope/core';
import type { SampleReader } from '@nephoscope/core/sample-store';
import type { Verifier } from '@nephoscope/message';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

import { openApiDocument } from './openapi.js';
import { readParameters } from './parameters.js';
import { plainProblem, problemBody, problemKinds, problemMediaType } from './problem.js';
import type { Problem } from './problem.js';
import { formatOf } from './route.js';
import type { Route } from './route.js';
import { routes } from './routes.js';
import { send } from './send.js';

interface Parts {
  readonly reader: SampleReader;
  readonly verifier: Verifier | undefined;
  readonly logger: Logger;
}

/** Adds the routes of `/v3`. */
export function ourRoutes(server: FastifyInstance, parts: Parts): void {
  for (const one of routes)
    server.get(one.path.replaceAll(/\{(\w+)\}/g, ':$1'), (request, reply) => answer(one, request, reply, parts));
  const document = JSON.stringify(openApiDocument());
  server.get(documentPath, { config: { isPublic: true } }, (request, reply) =>
    send(request, reply, { type: 'application/json', parts: parting(document) }, parts.logger),
  );
}

const documentPath = '/v3/openapi.json';

async function* parting(text: string): AsyncGenerator<string> {
  yield await Promise.resolve(text);
}

async function answer(
  one: Route,
  request: FastifyRequest,
  reply: FastifyReply,
  { reader, verifier, logger }: Parts,
): Promise<FastifyReply> {
  const gone = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) gone.abort(new Error('the client went away'));
  });
  const format = formatOf(request, one);
  const query = readParameters(one.query, request.url);
  await reader.start(AbortSignal.any([gone.signal, AbortSignal.timeout(10_000)]));
  const asked = {
    ...{ reader, verifier, format, logger },
    scope: request.scope,
    url: request.url,
    signal: gone.signal,
  };
  const names = request.params as Readonly<Record<string, string>>;
  return await send(request, reply, await one.answer(asked, query, names), logger);
}

/** Whether the path is one of `/v3`, and what is known of it there. */
export function isOurs(url: string): boolean {
  return /^\/v3(?:[/?]|$)/.test(url);
}

const patterns = [...routes.map(({ path }) => path), documentPath].map(
  (path) => new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}/?$`),
);

/** Whether there is such a path, whatever the method. */
export function isRoute(url: string): boolean {
  const [path = ''] = url.split('?');
  return patterns.some((pattern) => pattern.test(path));
}

export async function sendProblem(reply: FastifyReply, problem: Problem): Promise<FastifyReply> {
  const { status } = problemKinds[problem.kind];
  return await reply
    .code(status)
    .type(problemMediaType)
    .send(Buffer.from(JSON.stringify(problemBody(problem))));
}

export async function sendPlainProblem(
  reply: FastifyReply,
  status: number,
  detail: string,
): Promise<FastifyReply> {
  return await reply
    .code(status)
    .type(problemMediaType)
    .send(Buffer.from(JSON.stringify(plainProblem(status, detail))));
}
