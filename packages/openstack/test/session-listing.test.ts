import { cloud, connect, glance, images, signal } from './connected.js';
import { recording, says } from './fake-cloud.js';
import { failureOf, pagesOf } from './support.js';
import { waitUntil } from '../../../tools/testbed/processes.js';

describe('listing', () => {
  it('follows a path in `next` (glance) to the last page', async () => {
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

  it('requests a page only when the one before was consumed', async () => {
    const { session } = await connect(glance);
    for await (const page of session.list(images, signal)) {
      expect(page).toHaveLength(3);
      break;
    }
    expect(cloud.lines()).toEqual(['POST /v3/auth/tokens', 'GET /v2/images?limit=3']);
  });

  it("follows keystone's links.next", async () => {
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

  it('reads a list without an object around it by marker (swift)', async () => {
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

  describe('whose marker was deleted in the meantime', () => {
    /** A glance with these images, in pages of 3, that reports a missing marker with `status`. */
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

    it.each([404, 400, 410])('continues after the item before it (%i)', async (status) => {
      const { found, logged } = await listed(status, ids, { f: ['f'] });
      expect(found).toEqual(ids);
      expect(logged.map(({ message }) => message).join()).toContain('continues from behind the item e');
    });

    it.each([
      ['several items', { f: ['f', 'e', 'd'] }],
      ['all items so far', { f: Array.from('abcdef') }],
      ['the first page', { c: Array.from('abc') }],
      ['markers repeatedly', { c: ['c'], b: ['b'], f: ['f', 'e'], i: ['i'] }],
    ])('returns each item once if %s was deleted', async (_, deletions) => {
      expect((await listed(404, ids, deletions)).found).toEqual(ids);
    });

    it('ends if nothing follows it', async () => {
      expect((await listed(404, ids.slice(0, 7), { f: ['f', 'g'] })).found).toEqual(ids.slice(0, 6));
    });

    it('is an error if the marker is not the reason', async () => {
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

  it('refuses pages that repeat the same items, each under another link', async () => {
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

  it('refuses pages that form a circle', async () => {
    const { session } = await connect([]);
    cloud.interrupt('GET /v2/images?limit=3', says(200, '{"images": [{}], "next": "/v2/images?marker=2"}'));
    cloud.interrupt('GET /v2/images?marker=2', says(200, '{"images": [{}], "next": "/v2/images?limit=3"}'));
    expect(await failureOf(pagesOf(session, images))).toMatchObject({ code: 'OPENSTACK_ANSWER' });
  });

  it.each(['http://127.0.0.1:1/v2/images?marker=x', '//127.0.0.1:1/v2/images', 'https://evil.example/'])(
    'sends no token to another server that a link leads to: %s',
    async (next) => {
      const { session } = await connect([]);
      cloud.interrupt('GET /v2/images?limit=3', says(200, JSON.stringify({ images: [{}], next })));
      const error = await failureOf(pagesOf(session, images));
      expect(error).toMatchObject({ code: 'OPENSTACK_ANSWER' });
      expect(String(error)).toContain('another server');
    },
  );

  it.each([
    ['truncated', '{"images": [{"id":'],
    ['not JSON', '<html>'],
    ['without a list', '{"images": {"id": 1}}'],
    ['without the key', '{"pictures": []}'],
    ['a list of strings', '{"images": ["a"]}'],
    ['an invalid next page', '{"images": [{}], "next": "http://["}'],
    ['a list without an end', '{"images": [{}], "truncated": true}'],
    ['a thousand levels', `{"images": [${'['.repeat(1_000)}${']'.repeat(1_000)}]}`],
    ['a hundred thousand levels', '['.repeat(100_000)],
  ])('reports an invalid response: %s', async (_, body) => {
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

  it('reads no more of a response than a page may have', async () => {
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
    ['nested objects', '{"images": [{"a": ', '{"a": ', 'more than 64 objects'],
    ['an item without an end', '{"images": [{"a": "', 'xxxx', 'an item of more than 256 KiB'],
    ['text without a list', '{"a": "', 'xxxx', 'more than 4 MiB outside of the items of a list'],
  ])('refuses %s as soon as it arrives, and describes it', async (_, start, more, message) => {
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
    await waitUntil('the answer is cut off', () => ended);
    expect(sent).toBeLessThan(40_000_000);
  });

  it('returns a large page in pieces, even if the last one is truncated', async () => {
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
      message: expect.stringMatching(/^the answer is not JSON, from byte \d+ on/),
    });
    expect(await failureOf(pagesOf(session, images))).toMatchObject({
      code: 'OPENSTACK_ANSWER',
      message: expect.stringMatching(/^the answer is no UTF-8 text/),
    });
  });

  it("reads only the beginning of a service's error text", async () => {
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

  it('keeps integers exact and lets no key change what objects inherit', async () => {
    const { session } = await connect([]);
    const item =
      '{"size": 9007199254740993, "small": 7, "ratio": 0.5, "__proto__": {"admin": true}, "constructor": 1}';
    cloud.interrupt('GET /v2/images?limit=3', says(200, `{"images": [${item}]}`));
    const [[image] = []] = await pagesOf(session, images);
    expect(image).toEqual({ size: 9_007_199_254_740_993n, small: 7, ratio: 0.5, constructor: 1 });
    expect(Object.assign({}, image)).not.toHaveProperty('admin');
  });
});
