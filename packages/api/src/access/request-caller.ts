import type { Scope } from '@nephoscope/core/sample-store';
import type { FastifyInstance, FastifyRequest } from 'fastify';

import type { Caller } from './caller.js';

declare module 'fastify' {
  interface FastifyRequest {
    /**
     * Who sent the request. Throws where nobody was authenticated, so that a route that forgot to is no open one.
     */
    readonly caller: Caller;
    /** What the caller may see: the scope of every query, and all that decides what is in a reply. */
    readonly scope: Scope;
  }
  interface FastifyContextConfig {
    /** Answered without a caller, as the reply is the same for everybody. The default is false. */
    readonly isPublic?: boolean;
  }
}

/** Recognises who sent a request. @throws AccessDenied */
export type Authenticate = (request: FastifyRequest) => Promise<Caller> | Caller;

/** Gives every request its `caller` and `scope`, before anything else is read of it. */
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
  server.decorateRequest('scope', {
    getter() {
      return callerOf(this).scope;
    },
  });
  server.addHook('onRequest', async (request) => {
    if (request.routeOptions.config.isPublic === true) return;
    callers.set(request, await authenticate(request));
  });
}
