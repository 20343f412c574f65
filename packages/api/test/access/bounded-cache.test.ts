import { BoundedCache } from '../../src/access/bounded-cache.js';

let now = 0;
beforeEach(() => {
  now = 0;
});

it('keeps a value until it expires', () => {
  const cache = new BoundedCache<number>(2, () => now);
  cache.set('a', 1, 10);
  expect(cache.get('a')).toBe(1);
  now = 10;
  expect(cache.get('a')).toBeUndefined();
  expect(cache.size).toBe(0);
});

it('keeps the most recently used values, up to its limit', () => {
  const cache = new BoundedCache<number>(2, () => now);
  cache.set('a', 1, 10);
  cache.set('b', 2, 10);
  cache.get('a');
  cache.set('c', 3, 10);
  expect([cache.get('a'), cache.get('b'), cache.get('c')]).toEqual([1, undefined, 3]);
  for (let at = 0; at < 1_000; at += 1) cache.set(`${at}`, at, 10);
  expect(cache.size).toBe(2);
});

it('does not keep an expired value, and removes the one that it replaces', () => {
  const cache = new BoundedCache<number>(2, () => now);
  cache.set('a', 1, 10);
  cache.set('a', 2, 0);
  expect(cache.get('a')).toBeUndefined();
});
