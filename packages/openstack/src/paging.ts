import { OpenStackError } from './errors.js';
import type { RequestContext } from './errors.js';
import { fieldOf, isJsonObject, objectsOf, textOf } from './json.js';
import type { JsonObject, JsonValue } from './json.js';
import { resolveLink } from './urls.js';

export interface Page {
  readonly items: readonly JsonObject[];
  /** Undefined after the last one. */
  readonly next: URL | undefined;
}

/**
 * One page of a listing: its items, and where the next one is, as services write it: `next` (glance), `links.next`
 * (keystone), `KEY_links` (nova, neutron, cinder). Where the answer itself is the list (swift, key ''), the next
 * page begins behind the last item's name. A page without items is the last.
 *
 * @throws OPENSTACK_ANSWER when it has no such list, is cut short without a next page, or leads to another origin
 */
export function readPage(body: JsonValue, key: string, endpoint: string, url: URL, context: RequestContext): Page {
  const found = key === '' ? body : fieldOf(body, key);
  const wrong = (what: string) => new OpenStackError('OPENSTACK_ANSWER', what, { context });
  if (!Array.isArray(found) || !(found as readonly JsonValue[]).every(isJsonObject))
    throw wrong(key === '' ? 'the answer is no list of objects' : `the answer has no list of objects '${key}'`);
  const items = found as readonly JsonObject[];
  if (items.length === 0) return { items, next: undefined };
  if (key === '') return { items, next: behind(items, url) };

  const link = linkIn(body, key);
  if (link === undefined) {
    if (fieldOf(body, 'truncated') === true)
      throw wrong('the list is cut short and names no next page: raise list_limit in keystone');
    return { items, next: undefined };
  }
  if (!URL.canParse(link, url.href)) throw wrong('the link to the next page is no URL');
  const next = resolveLink(link, endpoint, url.href);
  if (next.origin !== url.origin)
    throw wrong(
      `the link to the next page leads to another server (${next.origin}), where no token is sent: set enable_proxy_headers_parsing or the public endpoint in the service`,
    );
  return { items, next };
}

function linkIn(body: JsonValue, key: string): string | undefined {
  return (
    textOf(body, 'next') ??
    textOf(fieldOf(body, 'links'), 'next') ??
    textOf(
      objectsOf(fieldOf(body, `${key}_links`)).find((link) => textOf(link, 'rel') === 'next'),
      'href',
    )
  );
}

function behind(items: readonly JsonObject[], url: URL): URL | undefined {
  const last = textOf(items.at(-1), 'name');
  if (last === undefined) return undefined;
  const next = new URL(url);
  next.searchParams.set('marker', last);
  return next;
}
