import ip from '@nephoscope/agent-central/pollsters/network-floatingip';
import image from '@nephoscope/agent-central/pollsters/image-size';
import network from '@nephoscope/agent-central/pollsters/network';
import accounts from '@nephoscope/agent-central/pollsters/objectstore';
import containers from '@nephoscope/agent-central/pollsters/objectstore-containers';
import volume from '@nephoscope/agent-central/pollsters/volume-size';
import { NephoscopeError } from '@nephoscope/core';
import type { Metadata } from '@nephoscope/core';
import type { CentralPollster, Cloud, CloudHead, CloudList } from '@nephoscope/core/pollster';
import { OpenStackError } from '@nephoscope/openstack';
import { AnswerBody, AnswerRefused, HeldBytes, PageWalk } from '@nephoscope/openstack/testing';
import { FakeClock, RecordingLogger } from '@nephoscope/testing';
import fc from 'fast-check';

import { mutated } from './target.js';
import type { Target } from './target.js';

interface Fields {
  readonly [key: string]: unknown;
}
/** As the service writes a page, and what reads it. */
interface Kind {
  readonly key: string;
  item(n: number): Fields;
  page(items: readonly Fields[], next: string | undefined): unknown;
  create(surroundings: object): CentralPollster;
  /** What is billed for an item: resource and volume. */
  measured(item: Fields): readonly (readonly [unknown, unknown])[];
}

const endpoint = 'http://service.test:9292/image';
const token = 'gAAAAAB-topsecret';
const size = (n: number) => [n, 0, 9_007_199_254_740_991, 2 ** 40][n % 4];
const owner = { project_id: 'p', user_id: 'u', auth_token: token };
const linksOf = (key: string, next: string | undefined) =>
  next === undefined ? {} : { [`${key}_links`]: [{ rel: 'next', href: next }] };
const create = (plugin: { create(settings: never): CentralPollster }) =>
  plugin.create({ options: {}, logger: new RecordingLogger(), clock: new FakeClock(), host: 'c' } as never);

const kinds: Readonly<Record<string, Kind>> = {
  glance: {
    key: 'images',
    item: (n) => ({
      id: `i${n}`,
      owner: 'p',
      size: size(n),
      status: 'active',
      own: { [`k${n}`]: token },
      ...owner,
    }),
    page: (images, next) => ({ images, first: '/v2/images', ...(next !== undefined && { next }) }),
    create: () => create(image),
    measured: ({ id, size: bytes }) => [[id, bytes]],
  },
  cinder: {
    key: 'volumes',
    item: (n) => ({ id: `v${n}`, size: size(n), attachments: [{ server_id: `s${n}` }], ...owner }),
    page: (volumes, next) => ({ volumes, ...linksOf('volumes', next) }),
    create: () => create(volume),
    measured: ({ id, size: gigabytes }) => [[id, gigabytes]],
  },
  neutron: {
    key: 'networks',
    item: (n) => ({ id: `n${n}`, subnets: ['a', 'b'], 'router:external': n % 2 === 0, ...owner }),
    page: (networks, next) => ({ networks, ...linksOf('networks', next) }),
    create: () => create(network),
    measured: ({ id }) => [[id, 1]],
  },
  // Nova's pages are as neutron's.
  nova: {
    key: 'floatingips',
    item: (n) => ({ id: `f${n}`, floating_ip_address: `10.0.0.${n}`, ...owner }),
    page: (floatingips, next) => ({ ...linksOf('floatingips', next), floatingips }),
    create: () => create(ip),
    measured: ({ id }) => [[id, 1]],
  },
  swift: {
    key: '',
    item: (n) => ({ name: `c${n}`, count: n, bytes: size(n) }),
    page: (items) => items,
    create: () => create(containers),
    measured: ({ name, count, bytes }) => [
      [`p1/${String(name)}`, count],
      [`p1/${String(name)}`, bytes],
    ],
  },
  keystone: {
    key: 'projects',
    item: (n) => ({ id: `p${n}`, name: 'é', enabled: true, options: {} }),
    page: (projects, next) => ({ projects, links: { self: `${endpoint}/v3/projects`, next: next ?? null } }),
    create: () => create(accounts),
    measured: ({ id }) => [[id, 7]],
  },
};

/** Separates the pages of an input, and follows the name of its kind. */
const mark = '\u001e';
const listing = fc
  .tuple(fc.constantFrom(...Object.keys(kinds)), fc.array(fc.nat(4), { minLength: 1, maxLength: 4 }))
  .map(([name, counts]) => {
    const { item, page } = kinds[name] as Kind;
    let n = 0;
    const pages = counts.map((count, at) => {
      const items = Array.from({ length: count }, () => item(n++));
      const next = at + 1 < counts.length ? `/v2/list?marker=${n}` : undefined;
      return JSON.stringify(page(items, next));
    });
    return [name, ...pages].join(mark);
  });

/**
 * Whole listings with services' paging, read by the pollsters that bill them. The result must be counters that are in
 * the listing, or an error with a code that quotes no token; no page may be requested elsewhere, and there must be an
 * end.
 */
export const listings: Target = {
  name: 'listings',
  runs: 150,
  inputs: mutated(listing),
  async check(input) {
    const [name = '', ...pages] = input.split(mark);
    const kind = kinds[name] ?? (kinds['cinder'] as Kind);
    const cloud = new PagedCloud(kind.key, pages);
    const billable = new Set(
      cloud.items.flatMap((item) => kind.measured(item)).map(([id, figure]) => `${String(id)}|${Number(figure)}`),
    );
    try {
      const { signal } = new AbortController();
      for await (const { resourceId, volume: figure } of await kind.create({}).getCounters(cloud, signal)) {
        if (typeof figure === 'object') quotesNothing(figure.detail);
        else if (!billable.has(`${resourceId}|${Number(figure)}`))
          throw new Error(`made up: ${resourceId} ${figure}`);
      }
    } catch (error) {
      if (!(error instanceof OpenStackError || error instanceof NephoscopeError)) throw error;
      quotesNothing(error.message);
    }
  },
};

function quotesNothing(text: string): void {
  if (text.includes(token)) throw new Error(`it quotes a token: ${text}`);
}

/** Answers a listing with these pages, the last one repeatedly. */
class PagedCloud implements Cloud {
  readonly #key: string;
  readonly #pages: readonly string[];
  readonly items: readonly Fields[];

  constructor(key: string, pages: readonly string[]) {
    this.#key = key;
    this.#pages = pages;
    this.items = pages.flatMap((page) => itemsIn(page, key));
  }

  async *list({ key, query, service }: CloudList): AsyncGenerator<Metadata, void, undefined> {
    await Promise.resolve();
    if (key !== this.#key) return yield { id: 'p1', name: 'one' };
    const first = new URL(`${endpoint}/v2/list?${new URLSearchParams(query)}`);
    const walk = new PageWalk({ service, path: '/v2/list', key }, endpoint, first);
    const context = { service: service.type, method: 'GET', url: first.href };
    let asked = 0;
    for (let url = walk.url; url !== undefined; url = walk.url) {
      if (url.origin !== first.origin) throw new Error(`asked elsewhere: ${url.href}`);
      if (asked > 2 * this.#pages.length) throw new Error('there is no end');
      const body = new AnswerBody(new HeldBytes(), key);
      try {
        const bytes = Buffer.from(this.#pages[Math.min(asked, this.#pages.length - 1)] ?? '');
        body.append(bytes.subarray(0, bytes.length >> 1));
        body.append(bytes.subarray(bytes.length >> 1));
        for (const items of walk.take({ status: 200, headers: {}, body, context }))
          for (const item of items) yield item as Metadata;
      } catch (error) {
        throw error instanceof AnswerRefused ? new OpenStackError('OPENSTACK_ANSWER', error.message) : error;
      } finally {
        body.release();
      }
      asked += 1;
    }
  }

  head(): Promise<CloudHead> {
    const [objects, bytes, containers] = [
      'x-account-object-count',
      'x-account-bytes-used',
      'x-account-container-count',
    ];
    return Promise.resolve({ status: 204, headers: { [objects!]: '7', [bytes!]: '7', [containers!]: '7' } });
  }

  endpoint(): Promise<string> {
    return Promise.resolve(endpoint);
  }
}

/** Parsed by JSON.parse, independently of the agent's parser. */
function itemsIn(page: string, key: string): readonly Fields[] {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(page).toString());
  } catch {
    return [];
  }
  const items = key === '' ? value : (value as Fields | null)?.[key];
  const isObject = (item: unknown): item is Fields => typeof item === 'object' && item !== null;
  return Array.isArray(items) ? (items as readonly unknown[]).filter(isObject) : [];
}
