import type { IncomingHttpHeaders } from 'node:http';

import { Secret } from '@nephoscope/core/options';

import { AccessDenied } from './access-denied.js';

/** Keystone's longest tokens, with many roles, have about 2,000 characters; a JWT may be longer. */
const longest = 8_192;

export interface PresentedToken {
  readonly header: 'x-auth-token' | 'authorization';
  readonly secret: Secret;
}

/**
 * The token in a request.
 *
 * @throws AccessDenied 401 if there is none, or more than one
 */
export function presentedToken(headers: IncomingHttpHeaders): PresentedToken {
  const own = headers['x-auth-token'];
  const { authorization } = headers;
  if (own !== undefined && authorization !== undefined)
    throw unauthorized('send a token in X-Auth-Token or in Authorization, not in both');
  const bearer = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
  const text = authorization === undefined ? own : bearer;
  if (text === undefined) throw unauthorized('a token is needed: X-Auth-Token, or Authorization: Bearer');
  if (typeof text !== 'string' || text.length > longest || !/^[\x21-\x7e]+$/.test(text)) throw unknownToken();
  return { header: authorization === undefined ? 'x-auth-token' : 'authorization', secret: new Secret(text) };
}

/** The same error whatever is wrong. */
export function unknownToken(options?: ErrorOptions): AccessDenied {
  return unauthorized('the token is unknown, expired or revoked', options);
}

function unauthorized(message: string, options?: ErrorOptions): AccessDenied {
  return new AccessDenied(401, message, { 'www-authenticate': 'Bearer' }, options);
}
