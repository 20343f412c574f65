import type { Case } from './case.js';
import { problemOf } from './checks.js';
import { identityHeader } from './served.js';

/** What is wrong with the reply of a server; nothing: the case passes. */
export async function failuresOf(base: string, { request, expect }: Case): Promise<readonly string[]> {
  const url = new URL(base + request.path);
  for (const [name, value] of request.query) url.searchParams.append(name, value);
  const { body, identity } = request;
  const response = await fetch(url, {
    method: request.method,
    redirect: 'manual',
    headers: {
      accept: 'application/json',
      ...(body === null ? {} : { 'content-type': 'application/json' }),
      ...(identity === null ? {} : { [identityHeader]: JSON.stringify(identity) }),
      ...request.headers,
    },
    body: body === null ? null : typeof body === 'string' ? body : JSON.stringify(body),
    signal: AbortSignal.timeout(60_000),
  });
  const text = await response.text();
  if (response.status !== expect.status)
    return [`status ${response.status}, not ${expect.status}: ${text.slice(0, 1_000)}`];
  const type = response.headers.get('content-type')?.split(';')[0];
  if (expect.content_type !== undefined && type !== expect.content_type)
    return [`content type ${type ?? 'missing'}, not ${expect.content_type}`];
  return expect.checks.map((check) => problemOf(check, text)).filter((problem) => problem !== undefined);
}
