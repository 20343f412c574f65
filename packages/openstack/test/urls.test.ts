import { joinUrl, printable, resolveLink } from '../src/urls.js';

it.each([
  ['http://c:9292', '/v2/images', 'http://c:9292/v2/images'],
  ['http://c:9292/', 'v2/images', 'http://c:9292/v2/images'],
  ['http://c:9292/v2', '/v2/images', 'http://c:9292/v2/images'],
  ['http://c:9696/v2.0', '/v2.0/ports?limit=1', 'http://c:9696/v2.0/ports?limit=1'],
  ['https://c/network', '/v2.0/ports', 'https://c/network/v2.0/ports'],
  ['https://c/network/v2.0/', '/v2.0/ports', 'https://c/network/v2.0/ports'],
  ['http://c:8776/v3/abc', '/v3/volumes/detail', 'http://c:8776/v3/abc/volumes/detail'],
  ['http://c:8776/v3/abc', '/volumes/detail', 'http://c:8776/v3/abc/volumes/detail'],
  ['http://c:8774/v2.1', '/v2.1/servers', 'http://c:8774/v2.1/servers'],
  ['http://c:5000/v2.0', '/v3/projects', 'http://c:5000/v3/projects'],
  ['http://c/identity', '/v3/projects', 'http://c/identity/v3/projects'],
  ['http://c:8088/v1/AUTH_a', '', 'http://c:8088/v1/AUTH_a'],
  ['http://c:8088/v1/AUTH_a', '/docs', 'http://c:8088/v1/AUTH_a/docs'],
])('joins %s and %s to %s', (endpoint, path, whole) => {
  expect(joinUrl(endpoint, path).href).toBe(whole);
});

it.each([
  ['/v2/images?marker=a', 'http://c:9292', 'http://c:9292/v2/images?marker=a'],
  ['/v2/images?marker=a', 'https://c/image', 'https://c/image/v2/images?marker=a'],
  ['/image/v2/images?marker=a', 'https://c/image/v2', 'https://c/image/v2/images?marker=a'],
  ['?marker=a', 'https://c/image', 'https://c/image/v2/images?marker=a'],
  ['http://other/v2', 'https://c/image', 'http://other/v2'],
  ['//other/v2', 'https://c', 'https://other/v2'],
])('resolves the link %s of a service at %s to %s', (link, endpoint, whole) => {
  expect(resolveLink(link, endpoint, `${endpoint}/v2/images`).href).toBe(whole);
});

it('prints neither user nor password', () => {
  expect(printable('https://me:secret@c/v2')).toBe('https://c/v2');
});
