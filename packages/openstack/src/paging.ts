import type { AnswerList } from './answer-body.js';
import { understood } from './answers.js';
import { OpenStackError } from './errors.js';
import { fieldOf, objectsOf, textOf } from './json.js';
import type { JsonObject, JsonValue } from './json.js';
import type { ListRequest } from './list-request.js';
import type { Answer } from './answer.js';
import { resolveLink } from './urls.js';

/** One page of a listing: its items, and the URL of the next one. */
export interface Page {
  readonly list: AnswerList;
  /** Undefined after the last one. */
  readonly next: URL | undefined;
}

/**
 * Reads a page in the services' formats: the next one is at `next` (glance), `links.next` (keystone), `KEY_links`
 * (nova, neutron, cinder). If the answer itself is the list (swift, key ''), the next page begins after the last
 * item's name. A page without items is the last.
 *
 * @throws OPENSTACK_ANSWER if it has no such list, is truncated without a next page, or leads to another origin
 */
export function readPage(answer: Answer, key: string, endpoint: string, url: URL): Page {
  const { around, list } = understood(answer, (body) => body.listing());
  const wrong = (what: string) => new OpenStackError('OPENSTACK_ANSWER', what, { context: answer.context });
  if (list === undefined)
    throw wrong(key === '' ? 'the answer is not a list of objects' : `the answer has no list of objects '${key}'`);
  if (list.length === 0) return { list, next: undefined };
  if (key === '')
    return {
      list,
      next: pageAfter(
        understood(answer, () => list.last()),
        url,
      ),
    };

  const link = linkIn(around, key);
  if (link === undefined) {
    if (fieldOf(around, 'truncated') === true)
      throw wrong('the list is cut short and names no next page: raise list_limit in keystone');
    return { list, next: undefined };
  }
  if (link.length > longestLink || !URL.canParse(link, url.href))
    throw wrong('the link to the next page is no URL');
  const next = resolveLink(link, endpoint, url.href);
  if (next.origin !== url.origin)
    throw wrong(
      `the link to the next page leads to another server (${next.origin}), where no token is sent: set enable_proxy_headers_parsing or the public endpoint in the service`,
    );
  return { list, next };
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

function pageAfter(last: JsonObject | undefined, url: URL): URL | undefined {
  const name = textOf(last, 'name');
  if (name === undefined || name.length > longestLink) return undefined;
  const next = new URL(url);
  next.searchParams.set('marker', name);
  return next;
}

/** No listing of any cloud has more pages or items. */
const maxPages = 10_000;
const maxItems = 1_000_000;
const longestLink = 4_096;
/** An item with a longer id is not recognised again. */
const longestId = 255;
/** How often the listing is restarted before it fails. */
const maxRestarts = 2;
/** The status for a page whose marker item has been deleted. */
const markerGone: ReadonlySet<number> = new Set([400, 404, 410]);

/**
 * Iterates over the pages of a listing. If the item after which a page begins was deleted meanwhile, it continues
 * after an earlier one: the one before, then two, four, … before, and finally from the start. No item is returned
 * twice because of that.
 */
export class PageWalk {
  readonly #list: ListRequest;
  readonly #endpoint: string;
  readonly #first: URL;
  readonly #visited = new Set<string>();
  /** Of the items that came, in their order. */
  readonly #ids: string[] = [];
  readonly #known = new Set<string>();
  #url: URL | undefined;
  #wrong: OpenStackError | undefined;
  #pages = 0;
  #items = 0;
  /** How many items before the last one the requested page begins; normally 0. */
  #back = 0;
  #hasGoneBack = false;
  /** Number of restarts since the last new item. */
  #restarts = 0;

  constructor(list: ListRequest, endpoint: string, first: URL) {
    this.#list = list;
    this.#endpoint = endpoint;
    this.#url = this.#first = first;
  }

  /**
   * The next request; undefined after the last page.
   *
   * @throws OPENSTACK_ANSWER for pages without an end
   */
  get url(): URL | undefined {
    if (this.#wrong !== undefined) throw this.#wrong;
    return this.#url;
  }

  /**
   * The items of the requested page, piece by piece; only new ones after a step back.
   *
   * @throws OPENSTACK_ANSWER, as {@link readPage}
   */
  *take(answer: Answer): Generator<readonly JsonObject[], void, undefined> {
    const url = this.#url as URL;
    const { list, next } = readPage(answer, this.#list.key, this.#endpoint, url);
    this.#visited.add(url.href);
    this.#pages += 1;
    this.#items += list.length;
    this.#url = next;
    let fresh = 0;
    const pieces = list.pieces();
    for (;;) {
      const { done, value: items } = understood(answer, () => pieces.next());
      if (done === true) break;
      const newOnes = items.filter((item) => this.#isNew(item));
      fresh += newOnes.length;
      // Items that the service itself lists twice are passed on; items that we request twice are not.
      const given = this.#hasGoneBack ? newOnes : items;
      if (given.length > 0) yield given;
    }
    if (next === undefined) return;

    if (fresh > 0) this.#back = this.#restarts = 0;
    const endless = this.#visited.has(next.href)
      ? 'the link to the next page leads to a page that was there before'
      : fresh === 0 && this.#back === 0
        ? 'the page holds only what was there before, and names a next one: the listing has no end'
        : this.#pages >= maxPages
          ? `the listing has more than ${maxPages} pages`
          : this.#items >= maxItems
            ? `the listing has more than ${maxItems} items`
            : undefined;
    if (endless !== undefined)
      this.#wrong = new OpenStackError('OPENSTACK_ANSWER', endless, { context: answer.context });
  }

  /**
   * Where to continue if the page is refused, for the log; undefined if the refusal is not about the item after which
   * it begins.
   */
  goBack({ status }: { readonly status: number }): string | undefined {
    const url = this.#url as URL;
    const marker = url.searchParams.get('marker');
    this.#pages += 1;
    if (!markerGone.has(status) || marker === null || !this.#known.has(marker)) return undefined;
    if (this.#pages >= maxPages || this.#restarts >= maxRestarts) return undefined;
    this.#hasGoneBack = true;
    this.#back = this.#back === 0 ? 1 : this.#back * 2;
    // A repeated request is not a page that arrived before.
    this.#visited.clear();
    const before = this.#ids.at(-1 - this.#back);
    if (before === undefined) {
      this.#restarts += 1;
      this.#url = this.#first;
      return 'its start';
    }
    this.#url = new URL(url);
    this.#url.searchParams.set('marker', before);
    return `behind the item ${before}`;
  }

  #isNew(item: JsonObject): boolean {
    const id = textOf(item, Object.hasOwn(item, 'id') ? 'id' : 'name');
    if (id === undefined || id.length > longestId) return true;
    if (this.#known.has(id)) return false;
    this.#known.add(id);
    this.#ids.push(id);
    return true;
  }
}
