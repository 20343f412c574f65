const version = /^v(\d+)(?:\.\d+)?$/;

/**
 * A path relative to an endpoint. A version at the path's front is not doubled if the endpoint ends in it or contains
 * it (`…/v2.0`, `…/v3/PROJECT`), and replaces that of an endpoint of another version.
 */
export function joinUrl(endpoint: string, path: string): URL {
  const base = new URL(endpoint);
  const inEndpoint = base.pathname.replace(/\/+$/, '').split('/');
  const [inPath = '', ...query] = path.split('?');
  let rest = inPath.split('/').filter((segment, index) => index > 0 || segment !== '');

  const wanted = version.exec(rest[0] ?? '')?.[1];
  const at = inEndpoint.findIndex((segment) => version.test(segment));
  const present = version.exec(inEndpoint[at] ?? '')?.[1];
  let front = inEndpoint;
  if (wanted !== undefined && present !== undefined) {
    if (wanted === present) rest = rest.slice(1);
    else front = inEndpoint.slice(0, at);
  }
  base.pathname = [...front, ...rest].join('/');
  base.search = query.length === 0 ? base.search : query.join('?');
  return base;
}

/** The URL of a link in an answer: absolute, or a path, which services with a prefix (`/image`) write without it. */
export function resolveLink(link: string, endpoint: string, from: string): URL {
  if (!link.startsWith('/')) return new URL(link, from);
  const prefix = new URL(endpoint).pathname.replace(/\/+$/, '');
  return prefix === '' || link === prefix || link.startsWith(`${prefix}/`)
    ? new URL(link, endpoint)
    : joinUrl(endpoint, link);
}

/** For logs: without user and password. */
export function printable(url: string | URL): string {
  const copy = new URL(url);
  copy.username = '';
  copy.password = '';
  return copy.href;
}
