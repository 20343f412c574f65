import type { ServerResponse } from 'node:http';

import { createSession } from '../src/index.js';
import type { Session } from '../src/index.js';
import { Secret } from '../src/secret.js';

import { FakeCloud, hangs, recording, resets, says } from './fake-cloud.js';
import { allOf, configOf, failureOf, pagesOf, password, sessionOf } from './support.js';

const images = { service: { type: 'image' }, path: '/v2/images', key: 'images', query: { limit: '3' } };
const second = 'GET /v2/images?limit=3&marker=b393d877-d552-4136-b755-7df179493a72';
const glance = ['glance.images.limit3.page1', 'glance.images.limit3.page2', 'glance.images.limit3.page3'] as const;
const project = 'fa1d1e99a9254764b3cfc3d5428be624';
const signal = new AbortController().signal;
const ignore = () => undefined;

let cloud: FakeCloud;
const sessions: ReturnType<typeof sessionOf>[] = [];

async function connect(
  recordings: readonly string[],
  changes: Parameters<typeof configOf>[1] = {},
  patience?: number,
) {
  cloud = await FakeCloud.start(...recordings);
  return again(changes, patience);
}

function again(changes: Parameters<typeof configOf>[1] = {}, patience?: number) {
  const made = sessionOf(configOf(cloud, changes), patience);
  sessions.push(made);
  return made;
}

afterEach(async () => {
  for (const { session } of sessions.splice(0)) await session.close();
  await cloud.stop();
});

describe('listing', () => {
  it('follows a path in `next` (glance) to the page that has none', async () => {
    const { session } = await connect(glance);
    const pages = await pagesOf(session, images);
    expect(pages.map((page) => page.length)).toEqual([3, 3]);
    expect(pages[1]?.[2]).toMatchObject({ id: 'd9392138-b64c-4f17-9e05-72b3a9f6310c', size: 1_048_576 });
  });

  it.each([
    ['network', '/v2.0/floatingips', 'floatingips', { limit: '1' }, 2, 'neutron.floatingips.limit1.page'],
    [
      'compute',
      '/v2.1/servers/detail',
      'servers',
      { all_tenants: 'true', limit: '1' },
      3,
      'nova.servers.detail.limit1.page',
    ],
    [
      'block-storage',
      '/v3/volumes/detail',
      'volumes',
      { all_tenants: '1', limit: '1' },
      2,
      'cinder.volumes.detail.limit1.page',
    ],
  ])('follows whole URLs in KEY_links (%s), until an empty page', async (type, path, key, query, count, name) => {
    const { session } = await connect(Array.from({ length: count + 1 }, (_, index) => `${name}${index + 1}`));
    const pages = await pagesOf(session, { service: { type }, path, key, query });
    expect(pages).toHaveLength(count);
    expect(new Set(pages.flat().map((item) => item['id'])).size).toBe(count);
  });

  it('asks for a page only when the one before is done with', async () => {
    const { session } = await connect(glance);
    for await (const page of session.list(images, signal)) {
      expect(page).toHaveLength(3);
      break;
    }
    expect(cloud.lines()).toEqual(['POST /v3/auth/tokens', 'GET /v2/images?limit=3']);
  });

  it('takes links.next of keystone', async () => {
    const { session } = await connect([]);
    const first = recording('keystone.projects');
    const body = JSON.parse(first.response.body) as { links: { next: string | null } };
    body.links.next = `${cloud.origin('keystone')}/v3/projects?marker=x`;
    cloud.interrupt('GET /v3/projects', says(200, JSON.stringify(body)));
    cloud.interrupt('GET /v3/projects?marker=x', says(200, first.response.body));
    expect(
      await pagesOf(session, { service: { type: 'identity' }, path: '/v3/projects', key: 'projects' }),
    ).toHaveLength(2);
  });

  it('lists what is a list itself by marker (swift)', async () => {
    const { session } = await connect([]);
    const { pathname } = new URL(recording('swift.get-account.alpha').request.url);
    cloud.interrupt(`GET ${pathname}?format=json`, says(200, recording('swift.get-account.alpha').response.body));
    cloud.interrupt(`GET ${pathname}?format=json&marker=logs`, says(200, '[]'));
    const pages = await pagesOf(session, {
      service: { type: 'object-store' },
      path: `${cloud.origin('swift')}${pathname}`,
      key: '',
      query: { format: 'json' },
    });
    expect(pages.flat().map((container) => container['name'])).toEqual(['docs', 'logs']);
  });

  it('refuses a page that leads to itself, after its items', async () => {
    const { session } = await connect([]);
    cloud.interrupt(
      'GET /v2/images?limit=3',
      says(200, '{"images": [{"id": "a"}], "next": "/v2/images?limit=3"}'),
    );
    const pages = session.list(images, signal)[Symbol.asyncIterator]();
    expect(await pages.next()).toMatchObject({ value: [{ id: 'a' }] });
    expect(await failureOf(pages.next())).toMatchObject({
      code: 'OPENSTACK_ANSWER',
      status: 200,
      service: 'image',
    });
    expect(cloud.lines()).toHaveLength(2);
  });

  describe('whose marker was deleted meanwhile', () => {
    /** A glance with these images, by pages of 3, that tells a marker that is gone by `status`. */
    async function listed(
      status: number,
      ids: readonly string[],
      deletions: Readonly<Record<string, readonly string[]>>,
    ) {
      const { session, logged } = await connect([]);
      const present = [...ids];
      cloud.always('glance', (request, response) => {
        const marker = new URL(request.url ?? '', 'http://x').searchParams.get('marker');
        for (const gone of deletions[marker ?? 'first'] ?? []) {
          if (present.includes(gone)) present.splice(present.indexOf(gone), 1);
        }
        const at = marker === null ? -1 : present.indexOf(marker);
        if (marker !== null && at < 0) return says(status, '{"message": "marker not found"}')(request, response);
        const page = present.slice(at + 1, at + 4);
        const next = at + 4 < present.length ? `/v2/images?limit=3&marker=${page.at(-1)}` : undefined;
        says(200, JSON.stringify({ images: page.map((id) => ({ id })), next }))(request, response);
      });
      const pages = await pagesOf(session, images);
      return { found: pages.flat().map((image) => image['id']), logged };
    }
    const ids = Array.from('abcdefghijk');

    it.each([404, 400, 410])('goes on behind the item before (%i)', async (status) => {
      const { found, logged } = await listed(status, ids, { f: ['f'] });
      expect(found).toEqual(ids);
      expect(logged.map(({ message }) => message).join()).toContain('goes on from behind the item e');
    });

    it.each([
      ['several items', { f: ['f', 'e', 'd'] }],
      ['all that came', { f: Array.from('abcdef') }],
      ['the first page', { c: Array.from('abc') }],
      ['markers again and again', { c: ['c'], b: ['b'], f: ['f', 'e'], i: ['i'] }],
    ])('gives each item once when %s is gone', async (_, deletions) => {
      expect((await listed(404, ids, deletions)).found).toEqual(ids);
    });

    it('ends where nothing is behind it', async () => {
      expect((await listed(404, ids.slice(0, 7), { f: ['f', 'g'] })).found).toEqual(ids.slice(0, 6));
    });

    it('is an error where it is not for the marker', async () => {
      const { session } = await connect([]);
      cloud.always('glance', (request, response) => {
        const first = request.url === '/v2/images?limit=3';
        const page = { images: [{ id: 'a' }, { id: 'b' }], next: '/v2/images?limit=3&marker=b' };
        says(first ? 200 : 400, first ? JSON.stringify(page) : '{"message": "no"}')(request, response);
      });
      expect(await failureOf(pagesOf(session, images))).toMatchObject({ code: 'OPENSTACK_HTTP', status: 400 });
      expect(cloud.lines().length).toBeLessThan(20);
    });
  });

  it('refuses pages that hold the same again and again, each under another link', async () => {
    const { session } = await connect([]);
    let pages = 0;
    cloud.always('glance', (request, response) =>
      says(200, JSON.stringify({ images: [{ id: 'a' }], next: `/v2/images?page=${(pages += 1)}` }))(
        request,
        response,
      ),
    );
    const error = await failureOf(pagesOf(session, images));
    expect(error).toMatchObject({ code: 'OPENSTACK_ANSWER', service: 'image' });
    expect(String(error)).toContain('has no end');
    expect(pages).toBe(2);
  });

  it('refuses a circle of pages', async () => {
    const { session } = await connect([]);
    cloud.interrupt('GET /v2/images?limit=3', says(200, '{"images": [{}], "next": "/v2/images?marker=2"}'));
    cloud.interrupt('GET /v2/images?marker=2', says(200, '{"images": [{}], "next": "/v2/images?limit=3"}'));
    expect(await failureOf(pagesOf(session, images))).toMatchObject({ code: 'OPENSTACK_ANSWER' });
  });

  it.each(['http://127.0.0.1:1/v2/images?marker=x', '//127.0.0.1:1/v2/images', 'https://evil.example/'])(
    'sends no token to another server that a page leads to: %s',
    async (next) => {
      const { session } = await connect([]);
      cloud.interrupt('GET /v2/images?limit=3', says(200, JSON.stringify({ images: [{}], next })));
      const error = await failureOf(pagesOf(session, images));
      expect(error).toMatchObject({ code: 'OPENSTACK_ANSWER' });
      expect(String(error)).toContain('another server');
    },
  );

  it.each([
    ['cut short', '{"images": [{"id":'],
    ['no JSON', '<html>'],
    ['no list', '{"images": {"id": 1}}'],
    ['no such key', '{"pictures": []}'],
    ['a list of texts', '{"images": ["a"]}'],
    ['an odd next page', '{"images": [{}], "next": "http://["}'],
    ['a list without its end', '{"images": [{}], "truncated": true}'],
    ['a thousand levels', `{"images": [${'['.repeat(1_000)}${']'.repeat(1_000)}]}`],
    ['a hundred thousand levels', '['.repeat(100_000)],
  ])('says so of an answer that makes no sense: %s', async (_, body) => {
    const { session } = await connect([]);
    cloud.interrupt('GET /v2/images?limit=3', says(200, body, { 'x-openstack-request-id': 'req-1' }));
    expect(await failureOf(pagesOf(session, images))).toMatchObject({
      code: 'OPENSTACK_ANSWER',
      service: 'image',
      method: 'GET',
      url: `${cloud.origin('glance')}/v2/images?limit=3`,
      requestId: 'req-1',
    });
  });

  it('reads an answer only as far as any page could be', async () => {
    const { session } = await connect([]);
    cloud.interrupt('GET /v2/images?limit=3', (_request, response) => {
      const megabyte = Buffer.alloc(1024 * 1024, ' ');
      const more = () => {
        while (!response.destroyed && response.write(megabyte));
      };
      response.on('drain', more).writeHead(200);
      more();
    });
    expect(await failureOf(pagesOf(session, images))).toMatchObject({ code: 'OPENSTACK_ANSWER' });
  });

  it.each([
    ['60 MB of {}', '{"images": [', '{},', 'more than 200000 items'],
    ['numbers of a million digits', '{"images": [{"size": ', '9', 'a number of more than 400 characters'],
    ['one object after another within', '{"images": [{"a": ', '{"a": ', 'more than 64 objects'],
    ['an item without an end', '{"images": [{"a": "', 'xxxx', 'an item of more than 256 KiB'],
    ['no list for ever', '{"a": "', 'xxxx', 'more than 4 MiB outside of the items of a list'],
  ])('refuses %s as soon as it has come, and says what it was', async (_, start, more, message) => {
    const { session } = await connect([]);
    let sent = 0;
    let ended = false;
    cloud.interrupt('GET /v2/images?limit=3', (_request, response) => {
      const piece = Buffer.from(more.repeat(20_000));
      const write = () => {
        while (!response.destroyed && response.write(piece)) sent += piece.length;
      };
      response.on('close', () => (ended = true));
      response.on('drain', write).writeHead(200, { 'content-type': 'application/json' }).write(start);
      write();
    });
    const failure = (await failureOf(pagesOf(session, images))) as Error;
    expect(failure).toMatchObject({ code: 'OPENSTACK_ANSWER', service: 'image', status: 200 });
    expect(failure.message).toContain(`the answer has ${message}`);
    while (!ended) await new Promise((resolve) => setImmediate(resolve));
    expect(sent).toBeLessThan(40_000_000);
  });

  it('gives a large page in pieces, whose last may be cut off', async () => {
    const { session } = await connect([]);
    const items = Array.from({ length: 2_500 }, (_, id) => `{"id": "${id}", "ü": "${'x'.repeat(100)}"}`);
    cloud.interrupt(
      'GET /v2/images?limit=3',
      says(200, `{"images": [${items.join(',')}], "first": "/v2/images"}`),
      says(200, `{"images": [${items.join(',')}], "fir`),
      says(200, Buffer.from(`{"images": [${items.slice(0, 1_500).join(',')}, {"id": "\xff"}]}`, 'latin1')),
    );
    const pages = await pagesOf(session, images);
    expect(pages.map(({ length }) => length)).toEqual([1_000, 1_000, 500]);
    expect(pages.flat().map(({ id }) => id)).toEqual(items.map((_, id) => String(id)));
    expect(await failureOf(pagesOf(session, images))).toMatchObject({
      code: 'OPENSTACK_ANSWER',
      message: expect.stringMatching(/^the answer is no JSON, from byte \d+ on/),
    });
    expect(await failureOf(pagesOf(session, images))).toMatchObject({
      code: 'OPENSTACK_ANSWER',
      message: expect.stringMatching(/^the answer is no UTF-8 text/),
    });
  });

  it('reads little of what a service says of its failure', async () => {
    const { session } = await connect([]);
    cloud.interrupt('GET /v2/images?limit=3', (_request, response) => {
      const write = () => {
        while (!response.destroyed && response.write('{"a":'.repeat(10_000)));
      };
      response.on('drain', write).writeHead(400);
      write();
    });
    expect(await failureOf(pagesOf(session, images))).toMatchObject({ code: 'OPENSTACK_HTTP', status: 400 });
  });

  it('keeps integers exact and lets no key change what an object inherits', async () => {
    const { session } = await connect([]);
    const item =
      '{"size": 9007199254740993, "small": 7, "ratio": 0.5, "__proto__": {"admin": true}, "constructor": 1}';
    cloud.interrupt('GET /v2/images?limit=3', says(200, `{"images": [${item}]}`));
    const [[image] = []] = await pagesOf(session, images);
    expect(image).toEqual({ size: 9_007_199_254_740_993n, small: 7, ratio: 0.5, constructor: 1 });
    expect(Object.assign({}, image)).not.toHaveProperty('admin');
  });
});

describe('tokens', () => {
  it('logs in once for all that ask together', async () => {
    const { session } = await connect(glance);
    await Promise.all([
      pagesOf(session, images),
      pagesOf(session, images),
      session.endpoint({ type: 'network' }, signal),
    ]);
    expect(cloud.tokens).toHaveLength(1);
    expect(JSON.parse(cloud.requests[0]?.body ?? '')).toEqual({
      auth: {
        identity: {
          methods: ['password'],
          password: { user: { name: 'ceilometer', domain: { name: 'Default' }, password } },
        },
        scope: { project: { name: 'service', domain: { name: 'Default' } } },
      },
    });
  });

  it('gets another when one is revoked between two pages, and asks for the same page again', async () => {
    const { session } = await connect(glance);
    const ids: unknown[] = [];
    for await (const page of session.list(images, signal)) {
      ids.push(...page.map((image) => image['id']));
      if (ids.length === 3) cloud.revoke();
    }
    expect(new Set(ids).size).toBe(6);
    expect(cloud.lines().filter((line) => line === second)).toHaveLength(2);
    expect(cloud.tokens).toHaveLength(2);
  });

  it('gets one new token when several requests are refused at once', async () => {
    const { session } = await connect(glance);
    await session.endpoint({ type: 'image' }, signal);
    cloud.revoke();
    await Promise.all(Array.from({ length: 5 }, () => pagesOf(session, images)));
    expect(cloud.tokens).toHaveLength(2);
  });

  it('gives up when a service refuses the new one as well', async () => {
    const { session } = await connect(glance);
    const refused = says(401, recording('glance.images.bad-token').response.body, {
      'x-openstack-request-id': 'req-2',
    });
    cloud.interrupt('GET /v2/images?limit=3', refused, refused);
    expect(await failureOf(pagesOf(session, images))).toMatchObject({
      code: 'OPENSTACK_AUTH',
      service: 'image',
      status: 401,
      requestId: 'req-2',
    });
    expect(cloud.tokens).toHaveLength(2);
    // And goes on when the service has come to itself.
    expect(await pagesOf(session, images)).toHaveLength(2);
  });

  it('renews one that is about to expire', async () => {
    const { session } = await connect(glance);
    cloud.editToken = (body) =>
      body.replace(/"expires_at": "[^"]*"/, '"expires_at": "2026-11-22T22:13:58.000000Z"');
    await pagesOf(session, images);
    expect(cloud.tokens.length).toBeGreaterThan(1);
  });

  it('says what keystone says of a wrong password, and of no secret', async () => {
    const { session } = await connect([], {
      credentials: { type: 'token', token: new Secret('wrong-token-of-mine') },
    });
    const error = await failureOf(pagesOf(session, images));
    expect(error).toMatchObject({ code: 'OPENSTACK_AUTH', service: 'identity', method: 'POST', status: 401 });
    expect(String(error)).toContain('The request you have made requires authentication.');
    expect(allOf(error)).not.toContain('wrong-token-of-mine');
  });

  it.each([
    ['no token', says(201, '{"token": {}}', { 'x-subject-token': 't' })],
    ['no header', says(201, recording('keystone.auth.tokens.password-project-scoped').response.body)],
    ['no JSON', says(201, '{"token"', { 'x-subject-token': 't' })],
  ])('refuses a login that gives %s', async (_, answer) => {
    const { session } = await connect([]);
    cloud.interrupt('POST /v3/auth/tokens', answer);
    expect(await failureOf(pagesOf(session, images))).toMatchObject({
      code: 'OPENSTACK_ANSWER',
      service: 'identity',
    });
    expect((await session.endpoint({ type: 'image' }, signal)).startsWith('http')).toBe(true);
  });

  it('puts no secret into any error or log, whatever the services say', async () => {
    const { session, logged } = await connect(glance);
    await session.endpoint({ type: 'image' }, signal);
    const spoken = JSON.stringify({ error: { message: `token ${cloud.tokens[0]} of ${password}` } });
    cloud.interrupt('GET /v2/images?limit=3', says(503, spoken), says(400, spoken));
    const errors = [await failureOf(pagesOf(session, images))];
    cloud.interrupt('GET /v2/images?limit=3', says(200, `{"images": ${cloud.tokens[0]}`));
    errors.push(await failureOf(pagesOf(session, images)));
    cloud.interrupt('GET /v2/images?limit=3', ...Array.from({ length: 20 }, () => resets));
    errors.push(await failureOf(pagesOf(session, images)));
    expect(errors.map((error) => (error as { code: string }).code)).toEqual([
      'OPENSTACK_HTTP',
      'OPENSTACK_ANSWER',
      'OPENSTACK_UNAVAILABLE',
    ]);
    expect(logged.length).toBeGreaterThan(0);
    const text = [...errors, ...logged, session, configOf(cloud)].map(allOf).join('\n');
    for (const token of cloud.tokens) expect(text).not.toContain(token);
    expect(text).not.toContain('pa$$w');
  });
});

describe('a token that a service quotes', () => {
  const fernet = `gAAAAABn${'Zk3_x-9'.repeat(25)}==`;

  it('that it refuses is in no log and no error, when several ask and a new one was got meanwhile', async () => {
    const { session, logged } = await connect(glance);
    // Each is refused once with the token that it was asked with, in the answer and in its headers.
    cloud.always('glance', (request, response) => {
      const token = String(request.headers['x-auth-token']);
      const body = { error: { message: `The token ${token} (${encodeURIComponent(token)}) is revoked` } };
      response
        .writeHead(401, { 'x-openstack-request-id': `req-${token}`, 'content-type': `text/${token}` })
        .end(JSON.stringify(body));
    });
    const asked = Array.from({ length: 6 }, () => failureOf(pagesOf(session, images)));
    const errors = await Promise.all(asked);
    expect(cloud.tokens.length).toBeGreaterThan(1);
    const text = [...errors, ...logged].map(allOf).join('\n');
    for (const token of cloud.tokens) expect(text).not.toContain(token);
    expect(String(errors[0])).toContain('The token [secret]');
  });

  it('is hidden in a link, in an address and behind a redirection', async () => {
    const { session } = await connect(glance);
    await session.endpoint({ type: 'image' }, signal);
    const [token = ''] = cloud.tokens;
    const next = `/v2/images?marker=${token}`;
    cloud.interrupt('GET /v2/images?limit=3', says(200, JSON.stringify({ images: [{ id: 'a' }], next })));
    cloud.interrupt(`GET ${next}`, says(500, '{}'));
    const errors = [await failureOf(pagesOf(session, images))];
    cloud.interrupt('GET /v2/images?limit=3', says(302, '', { location: `http://x/${token}` }));
    errors.push(await failureOf(pagesOf(session, images)));
    for (const error of errors) expect(allOf(error)).not.toContain(token);
    expect(errors.map((error) => (error as { status: number }).status)).toEqual([500, 302]);
    expect(session.hide(`{"id":"${token}"}`)).toBe('{"id":"[secret]"}');
  });

  it.each([
    ['a Fernet token', fernet],
    ['a part of one', fernet.slice(0, 60)],
    ['a JWS', `eyJ${'a1_-'.repeat(10)}.eyJ${'b2'.repeat(20)}.${'c3-_'.repeat(20)}`],
    ['any long text', '0123456789abcdef'.repeat(5)],
  ])('is hidden by its form though it is not ours: %s', async (_, token) => {
    const { session } = await connect(glance);
    cloud.interrupt(
      'GET /v2/images?limit=3',
      says(400, JSON.stringify({ error: { message: `no ${token}, sorry` } })),
    );
    expect(String(await failureOf(pagesOf(session, images)))).toContain('no [secret], sorry');
  });
});

describe('endpoints', () => {
  it('are chosen by type or its other name, interface and region', async () => {
    const { session } = await connect([], { region: 'RegionOne', interface: 'internal' });
    const cinder = `${cloud.origin('cinder')}/v3/${project}`;
    expect(await session.endpoint({ type: 'block-storage' }, signal)).toBe(cinder);
    expect(await session.endpoint({ type: 'volumev3', interface: 'admin' }, signal)).toBe(cinder);
    expect(await session.endpoint({ type: 'identity' }, signal)).toBe(`${cloud.origin('keystone')}/v3`);
  });

  it('are the usual ones of a service only where nobody chose others', async () => {
    await connect([]);
    cloud.editToken = (body) =>
      body.replaceAll(/"interface": "(\w+)", ([^}]*"url": ")/g, (_, name: string, rest: string) => {
        return `"interface": "${name}", ${rest}http://${name}.`;
      });
    const image = { type: 'image', usualInterface: 'internal' } as const;
    const at = async (changes: object, service: object = {}) => {
      const endpoint = await again(changes).session.endpoint({ ...image, ...service }, signal);
      return /public|internal|admin/.exec(endpoint)?.[0];
    };
    expect(await at({ interfaceIsDefault: true })).toBe('internal');
    expect(await at({ interface: 'public' })).toBe('public');
    expect(await at({ interface: 'admin' })).toBe('admin');
    expect(await at({ interfaceIsDefault: true }, { interface: 'admin' })).toBe('admin');
    expect(await at({ interface: 'admin' }, { interface: 'public' })).toBe('public');
  });

  it('say what there is in place of one that is not', async () => {
    const { session } = await connect([]);
    cloud.editToken = (body) => body.replace('"object-store"', '"object-shop"');
    const error = await failureOf(session.head({ type: 'object-store' }, '', { signal }));
    expect(error).toMatchObject({ code: 'OPENSTACK_ENDPOINT', service: 'object-store' });
    expect(String(error)).toContain('object-shop');
    const { session: elsewhere } = again({ region: 'RegionTwo' });
    expect(String(await failureOf(elsewhere.endpoint({ type: 'image' }, signal)))).toContain(
      'public in RegionOne',
    );
  });

  it('get no token at a URL that is not theirs', async () => {
    const { session } = await connect([]);
    const error = await failureOf(session.head({ type: 'image' }, cloud.origin('nova'), { signal }));
    expect(error).toMatchObject({ code: 'OPENSTACK_ENDPOINT' });
    expect(cloud.lines()).toEqual(['POST /v3/auth/tokens']);
  });

  it('may be given in place of those of the catalogue', async () => {
    const { session } = await connect(glance);
    const { session: overridden } = again({ endpointOverrides: { image: `${cloud.origin('glance')}/` } });
    expect(await pagesOf(overridden, images)).toEqual(await pagesOf(session, images));
  });
});

describe('single answers', () => {
  it('HEAD gives the headers of an account, of its URL or of the endpoint', async () => {
    const { session } = await connect(['swift.head-account.alpha', 'swift.head-account.unknown-project']);
    const url = (name: string) => `${cloud.origin('swift')}${new URL(recording(name).request.url).pathname}`;
    expect(
      await session.head({ type: 'object-store' }, url('swift.head-account.alpha'), { signal }),
    ).toMatchObject({
      status: 204,
      headers: { 'x-account-object-count': expect.stringMatching(/^\d+$/) as unknown },
    });
    expect(
      await session.head({ type: 'object-store' }, url('swift.head-account.unknown-project'), { signal }),
    ).toMatchObject({ status: 200, headers: { 'x-account-bytes-used': '0' } });
    expect(await session.head({ type: 'object-store' }, '/no-such-container', { signal })).toMatchObject({
      status: 404,
    });
  });

  it('HEAD of what is forbidden is an error', async () => {
    const { session } = await connect([]);
    cloud.interrupt(`HEAD /v1/AUTH_${project}`, says(403, ''));
    const error = await failureOf(session.head({ type: 'object-store' }, '', { signal }));
    expect(error).toMatchObject({ code: 'OPENSTACK_HTTP', status: 403, method: 'HEAD' });
    expect(String(error)).toContain('role');
  });

  it('GET tells what a refusal means', async () => {
    const { session } = await connect(['glance.image.missing', 'glance.versions', 'neutron.fwaas.absent']);
    const get = (type: string, path: string) => failureOf(session.get({ type }, path, { signal }));
    expect(await get('image', '/')).toMatchObject({ code: 'OPENSTACK_HTTP', status: 300 });
    expect(await get('network', '/v2.0/fwaas/firewall_groups')).toMatchObject({
      code: 'OPENSTACK_HTTP',
      status: 404,
      message: expect.stringContaining('The resource could not be found') as unknown,
    });
    cloud.interrupt('GET /v2/moved', says(302, '', { location: 'https://elsewhere.example/v2?secret=1' }));
    const moved = await get('image', '/v2/moved');
    expect(String(moved)).toContain('https://elsewhere.example/v2)');
    cloud.interrupt('GET /v2/list', says(200, '[]'));
    expect(await get('image', '/v2/list')).toMatchObject({ code: 'OPENSTACK_ANSWER' });
  });

  it('GET passes query and headers on', async () => {
    const { session } = await connect([]);
    cloud.interrupt('GET /v2.1/os-things?a=%2B+1', says(200, '{"ok": true}'));
    const query = { a: '+ 1' };
    const headers = { 'openstack-api-version': 'compute 2.3' };
    expect(await session.get({ type: 'compute' }, '/os-things', { query, headers, signal })).toEqual({ ok: true });
    expect(cloud.requests.at(-1)?.headers['openstack-api-version']).toBe('compute 2.3');
  });
});

describe('a service that is away', () => {
  it.each([429, 502, 503, 504])('is asked again, ever later (%i)', async (status) => {
    const { session, pauses } = await connect(glance);
    cloud.interrupt('GET /v2/images?limit=3', says(status, ''), says(status, ''));
    expect(await pagesOf(session, images)).toHaveLength(2);
    expect(pauses).toHaveLength(2);
    expect(pauses[1]).toBeGreaterThan(pauses[0] ?? Infinity);
  });

  it('is asked again when it says', async () => {
    const { session, pauses } = await connect(glance);
    cloud.interrupt('GET /v2/images?limit=3', says(503, '', { 'retry-after': '4' }));
    // By its own clock, which is 40 years behind ours.
    const date = 'Wed, 26 Nov 1986 10:00:00 GMT';
    const asks = (time: string) => says(429, '', { date, 'retry-after': `Wed, 26 Nov 1986 ${time} GMT` });
    cloud.interrupt('GET /v2/images?limit=3', asks('10:00:03'), asks('09:59:00'));
    expect(await pagesOf(session, images)).toHaveLength(2);
    expect(pauses).toEqual([4_000, 3_000, 0]);
  });

  it('is left alone when it asks for more time than a cycle has', async () => {
    const { session, pauses } = await connect(glance);
    cloud.interrupt('GET /v2/images?limit=3', says(503, '', { 'retry-after': '3600' }));
    const error = await failureOf(pagesOf(session, images));
    expect(error).toMatchObject({ code: 'OPENSTACK_UNAVAILABLE', status: 503 });
    expect(String(error)).toContain('3600 s');
    expect(pauses).toEqual([]);
  });

  it.each([
    ['it answers 503', says(503, '')],
    ['it resets the connection', resets],
  ])('is given up when the patience is over while %s, and found again later', async (_, answer) => {
    const { session, pauses } = await connect(glance, {}, 10_000);
    cloud.interrupt('GET /v2/images?limit=3', ...Array.from({ length: 100 }, () => answer));
    const error = await failureOf(pagesOf(session, images));
    expect(error).toMatchObject({ code: 'OPENSTACK_UNAVAILABLE' });
    expect(pauses.reduce((sum, pause) => sum + pause, 0)).toBeCloseTo(10_000);
    cloud.uninterrupt();
    expect(await pagesOf(session, images)).toHaveLength(2);
  });

  it('is waited for as long as the session is patient, with pauses that grow to some 15 s, and told of once', async () => {
    const { session, pauses, logged } = await connect(glance, {}, 300_000);
    // Two minutes without a keystone.
    const away = Array.from({ length: 12 }, (__, index) => (index % 2 === 0 ? says(503, '') : resets));
    cloud.interrupt('POST /v3/auth/tokens', ...away);
    expect(await pagesOf(session, images)).toHaveLength(2);
    expect(pauses).toHaveLength(12);
    expect(pauses.reduce((sum, pause) => sum + pause, 0)).toBeGreaterThan(75_000);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(15_000 * 1.25);
    expect(logged.filter(({ level }) => level === 'warn')).toEqual([
      expect.objectContaining({
        message: expect.stringMatching(/the service identity does not answer at .*for up to 300 s/) as string,
      }),
    ]);
    expect(logged.map(({ message }) => message)).toContain('the service identity answers again');
    expect(session.away()).toEqual([]);
  });

  it('is named while it is away', async () => {
    const { session } = await connect(glance, {}, 10_000);
    expect(session.away()).toEqual([]);
    cloud.interrupt('POST /v3/auth/tokens', ...Array.from({ length: 100 }, () => says(503, '')));
    await failureOf(pagesOf(session, images));
    expect(session.away()).toEqual(['keystone: status 503']);
    cloud.uninterrupt();
    await pagesOf(session, images);
    expect(session.away()).toEqual([]);
  });

  it('is asked again when it does not answer in time', async () => {
    const { session } = await connect(glance, { timeout: 200 }, 20_000);
    cloud.interrupt('POST /v3/auth/tokens', hangs);
    cloud.interrupt('GET /v2/images?limit=3', hangs);
    expect(await pagesOf(session, images)).toHaveLength(2);
  });

  it('is asked for a token no longer than somebody waits for it', async () => {
    const { session } = await connect(glance, {}, 300_000);
    const stop = new AbortController();
    cloud.interrupt('POST /v3/auth/tokens', () => stop.abort(new Error('the cycle is over')));
    expect(await failureOf(pagesOf(session, images, stop.signal))).toBe(stop.signal.reason);
    // The next one does not wait for the login that hangs.
    expect(await pagesOf(session, images)).toHaveLength(2);
  });

  it('is asked again when it resets the connection, also within an answer', async () => {
    const { session } = await connect(glance);
    cloud.interrupt('POST /v3/auth/tokens', resets);
    cloud.interrupt('GET /v2/images?limit=3', resets, (_request, response) => {
      response.writeHead(200, { 'content-length': '1000' });
      response.write('{"images": [', () => response.socket?.resetAndDestroy());
    });
    expect(await pagesOf(session, images)).toHaveLength(2);
  });

  it('is an error where nobody listens, whose cause is kept', async () => {
    const { session } = await connect([]);
    await cloud.stop();
    const error = await failureOf(session.endpoint({ type: 'image' }, signal));
    expect(error).toMatchObject({
      code: 'OPENSTACK_UNAVAILABLE',
      service: 'identity',
      status: undefined,
      cause: { code: 'ECONNREFUSED' },
    });
  });

  it.each([
    ['the head of an answer', hangs],
    ['its end', (_request: unknown, response: ServerResponse) => void response.writeHead(200).write('{')],
  ])('fails in time when %s never comes', async (_, interruption) => {
    const { session } = await connect(glance, { timeout: 300 }, 0);
    await session.endpoint({ type: 'image' }, signal);
    cloud.interrupt('GET /v2/images?limit=3', interruption);
    const error = await failureOf(pagesOf(session, images));
    expect(error).toMatchObject({ code: 'OPENSTACK_UNAVAILABLE', service: 'image' });
    expect(String(error)).toContain('within 0.3 s');
    expect(await pagesOf(session, images)).toHaveLength(2);
  });

  it.each(['POST /v3/auth/tokens', 'GET /v2/images?limit=3'])('ends with the signal during %s', async (line) => {
    const { session } = await connect(glance);
    const stop = new AbortController();
    const reason = new Error('the cycle is over');
    cloud.interrupt(line, () => stop.abort(reason));
    expect(await failureOf(pagesOf(session, images, stop.signal))).toBe(reason);
    expect(await failureOf(pagesOf(session, images, stop.signal))).toBe(reason);
  });

  it('does not hold up the others that wait for the same login', async () => {
    const { session } = await connect(glance);
    const stop = new AbortController();
    let release = () => undefined as void;
    cloud.interrupt('POST /v3/auth/tokens', (_request, response) => {
      release = () => says(503, '')(_request, response);
      stop.abort(new Error('enough'));
    });
    const [first, other] = [failureOf(pagesOf(session, images, stop.signal)), pagesOf(session, images)];
    expect(await first).toBe(stop.signal.reason);
    release();
    expect(await other).toHaveLength(2);
  });

  it('is not waited for when the session or the signal ends meanwhile', async () => {
    const { session: other } = await connect(glance);
    cloud.interrupt('GET /v2/images?limit=3', says(503, ''), says(503, ''));
    const pausing = (end: () => void) =>
      createSession(configOf(cloud), {
        logger: { debug: ignore, info: ignore, warn: ignore, error: ignore },
        sleep: (_ms, until) =>
          new Promise((_, reject) => {
            until.addEventListener('abort', () => reject(new Error('woken')));
            end();
          }),
      });
    const stop = new AbortController();
    const stopped = pausing(() => stop.abort(new Error('enough')));
    expect(await failureOf(pagesOf(stopped, images, stop.signal))).toBe(stop.signal.reason);
    await stopped.close();
    const closed: Session = pausing(() => void closed.close());
    expect(await failureOf(pagesOf(closed, images))).toMatchObject({ code: 'OPENSTACK_UNAVAILABLE' });
    await other.close();
  });

  it('ends with the session', async () => {
    const { session } = await connect(glance);
    cloud.interrupt('GET /v2/images?limit=3', () => void session.close());
    expect(await failureOf(pagesOf(session, images))).toMatchObject({ code: 'OPENSTACK_UNAVAILABLE' });
    await session.close();
    expect(await failureOf(pagesOf(session, images))).toMatchObject({ code: 'OPENSTACK_UNAVAILABLE' });
  });
});
