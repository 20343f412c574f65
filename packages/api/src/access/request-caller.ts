import type { Scope } from '@nephoscope/core/sample-store';
import type { FastifyInstance, FastifyRequest } from 'fastify';

import type { Caller } from './caller.js';

declare module 'fastify' {
  interface FastifyRequest {
    /**
     * The sender of the request. Throws if the request was not authenticated, so that a route cannot be public by mistake.
     */
    readonly caller: Caller;
    /** The same; undefined before it is authenticated, where it is not, and on a public route. */
    readonly callerIfKnown: Caller | undefined;
    /** What the caller may see: the scope of every query, and of everything else in a reply. */
    readonly scope: Scope;
  }
  interface FastifyContextConfig {
    /** Answered without a caller, because the reply is the same for everybody. The default is false. */
    readonly isPublic?: boolean;
  }
}

/** Determines who sent a request. @throws AccessDenied */
export type Authenticate = (request: FastifyRequest) => Promise<Caller> | Caller;

/** Sets `caller` and `scope` of every request, before anything else in it is read. */
export function recogniseCallers(server: FastifyInstance, authenticate: Authenticate): void {
  const callers = new WeakMap<FastifyRequest, Caller>();
  const callerOf = (request: FastifyRequest) => {
    const caller = callers.get(request);
    if (caller === undefined) throw new Error('the caller of a public route is not known');
    return caller;
  };
  server.decorateRequest('caller', {
    getter() {
      return callerOf(this);
    },
  });
  server.decorateRequest('callerIfKnown', {
    getter() {
      return callers.get(this);
    },
  });
  server.decorateRequest('scope', {
    getter() {
      return callerOf(this).scope;
    },
  });
  server.addHook('onRequest', async (request, reply) => {
    if (request.routeOptions.config.isPublic === true) return;
    // What is for one caller is not kept for others.
    void reply.headers({ 'cache-control': 'private, no-cache', vary: 'Authorization, X-Auth-Token' });
    callers.set(request, await authenticate(request));
  });
}
