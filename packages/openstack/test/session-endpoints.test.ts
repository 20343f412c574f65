import { again, cloud, connect, glance, images, project, signal } from './connected.js';
import { recording, says } from './fake-cloud.js';
import { failureOf, pagesOf } from './support.js';

describe('endpoints', () => {
  it('are chosen by type (or its other name), interface and region', async () => {
    const { session } = await connect([], { region: 'RegionOne', interface: 'internal' });
    const cinder = `${cloud.origin('cinder')}/v3/${project}`;
    expect(await session.endpoint({ type: 'block-storage' }, signal)).toBe(cinder);
    expect(await session.endpoint({ type: 'volumev3', interface: 'admin' }, signal)).toBe(cinder);
    expect(await session.endpoint({ type: 'identity' }, signal)).toBe(`${cloud.origin('keystone')}/v3`);
  });

  it('are the defaults of a service only if none were chosen', async () => {
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

  it('that are missing are reported with those that exist', async () => {
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

  it('get no token at a URL outside the catalogue', async () => {
    const { session } = await connect([]);
    const error = await failureOf(session.head({ type: 'image' }, cloud.origin('nova'), { signal }));
    expect(error).toMatchObject({ code: 'OPENSTACK_ENDPOINT' });
    expect(cloud.lines()).toEqual(['POST /v3/auth/tokens']);
  });

  it('may be configured in place of those of the catalogue', async () => {
    const { session } = await connect(glance);
    const { session: overridden } = again({ endpointOverrides: { image: `${cloud.origin('glance')}/` } });
    expect(await pagesOf(overridden, images)).toEqual(await pagesOf(session, images));
  });
});

describe('single answers', () => {
  it('HEAD returns the headers of an account, by its URL or from the endpoint', async () => {
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

  it('HEAD of a forbidden resource is an error', async () => {
    const { session } = await connect([]);
    cloud.interrupt(`HEAD /v1/AUTH_${project}`, says(403, ''));
    const error = await failureOf(session.head({ type: 'object-store' }, '', { signal }));
    expect(error).toMatchObject({ code: 'OPENSTACK_HTTP', status: 403, method: 'HEAD' });
    expect(String(error)).toContain('role');
  });

  it('GET reports what a refusal means', async () => {
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
