import { FakeCloud } from '../src/index.js';

const images = { service: { type: 'image' }, path: '/v2/images', key: 'images' };

it('returns the given answers, and records the requests', async () => {
  const cloud = new FakeCloud({
    lists: { 'image /v2/images': [{ id: 'one' }, { id: 'two' }] },
    heads: { 'object-store /v1/AUTH_1': { status: 204, headers: {} } },
    endpoints: { image: 'http://glance.test' },
  });
  const ids: unknown[] = [];
  for await (const { id } of cloud.list(images)) ids.push(id);
  expect(ids).toEqual(['one', 'two']);
  expect(await cloud.head({ type: 'object-store' }, '/v1/AUTH_1')).toMatchObject({ status: 204 });
  expect(await cloud.endpoint({ type: 'image' })).toBe('http://glance.test');
  expect(cloud.asked).toEqual([
    images,
    { service: { type: 'object-store' }, path: '/v1/AUTH_1' },
    { service: { type: 'image' } },
  ]);
});

it('fails where specified, after the items before', async () => {
  const cloud = new FakeCloud({ lists: { 'image /v2/images': [{ id: 'one' }, new Error('status 503')] } });
  const items = cloud.list(images);
  expect((await items.next()).value).toEqual({ id: 'one' });
  await expect(items.next()).rejects.toThrow('status 503');
});

it('names a request without an answer', async () => {
  const cloud = new FakeCloud();
  await expect(cloud.list(images).next()).rejects.toThrow("no answer to 'image /v2/images'");
  await expect(cloud.head({ type: 'image' }, '/x')).rejects.toThrow("no answer to 'image /x'");
  await expect(cloud.endpoint({ type: 'image' })).rejects.toThrow("no answer to 'image'");
});
