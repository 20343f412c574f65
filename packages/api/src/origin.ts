import type { FastifyRequest } from 'fastify';

import type { ApiOptions } from './options.js';

/** The address at which clients reach the API, for links in replies: `http://localhost:8777`, without a slash at the end. */
export function originOf(
  { headers, protocol }: FastifyRequest,
  { publicUrl }: Pick<ApiOptions, 'publicUrl'>,
): string {
  return publicUrl?.replace(/\/$/, '') ?? `${protocol}://${headers.host ?? 'localhost'}`;
}
