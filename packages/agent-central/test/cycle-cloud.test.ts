import type { Metadata } from '@nephoscope/core';
import type { CloudList } from '@nephoscope/core/pollster';

import { CycleCloud } from '../src/cycle-cloud.js';
import type { CloudSession } from '../src/cycle-cloud.js';

type Page = readonly Metadata[];
type JsonPages = AsyncIterable<readonly never[]>;

const images: CloudList = { service: { type: 'image' }, path: '/v2/images', key: 'images' };

const pages = (count: number, size: number): Page[] =>
  Array.from({ length: count }, (_, page) =>
    Array.from({ length: size }, (_, item) => ({ id: `${page}-${item}` })),
  );

/** A session whose listings are these pages; `asked` has the path of each listing, `given` the pages that were returned. */
function sessionOf(source: () => AsyncIterable<Page>) {
  const asked: string[] = [];
  const state = { given: 0, closed: 0 };
  const session: CloudSession = {
    list: ({ path }) => {
      asked.push(path);
      return (async function* () {
        try {
          for await (const page of source()) {
            state.given += 1;
            yield page;
          }
        } finally {
          state.closed += 1;
        }
      })() as JsonPages;
    },
    head: () => Promise.resolve({ status: 204, headers: {} }),
    endpoint: () => Promise.resolve('http://cloud.test'),
    away: () => [],
  };
  const over = new AbortController();
  return { asked, state, over, cloud: new CycleCloud(session, over.signal) };
}

async function* of(given: readonly (Page | Error)[]): AsyncGenerator<Page> {
  for (const page of given) {
    await new Promise((resolve) => setImmediate(resolve));
    if (page instanceof Error) throw page;
    yield page;
  }
}

async function all(items: AsyncIterable<Metadata>): Promise<string[]> {
  const ids: string[] = [];
  for await (const { id } of items) ids.push(id as string);
  return ids;
}

const ticks = async (count = 20) => {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
};

describe('the cloud within a cycle', () => {
  const small = pages(3, 2);
  const ids = small.flat().map(({ id }) => id as string);

  it('requests once what several pollsters read at the same time', async () => {
    const { asked, cloud, state } = sessionOf(() => of(small));
    const read = await Promise.all([1, 2, 3].map(() => all(cloud.list(images))));
    expect(read).toEqual([ids, ids, ids]);
    expect(asked).toEqual(['/v2/images']);
    expect(state).toEqual({ given: 3, closed: 1 });
  });

  it('sends one request for readers that join in the middle or at the end', async () => {
    const { asked, cloud } = sessionOf(() => of(small));
    const first = cloud.list(images);
    for (let item = 0; item < 3; item++) await first.next();
    expect(await all(cloud.list({ ...images, query: {} }))).toEqual(ids);
    expect(await all(first)).toEqual(ids.slice(3));
    expect(await all(cloud.list(images))).toEqual(ids);
    expect(asked).toEqual(['/v2/images']);
  });

  it("ignores the order of a query's parameters, and distinguishes queries by everything else", async () => {
    const { asked, cloud } = sessionOf(() => of(small));
    await all(cloud.list({ ...images, query: { a: '1', b: '2' } }));
    await all(cloud.list({ ...images, query: { b: '2', a: '1' } }));
    expect(asked).toHaveLength(1);
    await all(cloud.list(images));
    await all(cloud.list({ ...images, service: { type: 'image', interface: 'admin' } }));
    await all(cloud.list({ ...images, headers: { 'openstack-api-version': 'image 2.9' } }));
    await all(cloud.list({ ...images, key: 'other' }));
    expect(asked).toHaveLength(5);
  });

  it('returns an empty listing to all, and requests it once', async () => {
    const { asked, cloud } = sessionOf(() => of([]));
    expect(await all(cloud.list(images))).toEqual([]);
    expect(await all(cloud.list(images))).toEqual([]);
    expect(asked).toHaveLength(1);
  });

  it('passes a failure to all, after the pages before it, and does not retry', async () => {
    const failure = new Error('status 503');
    const { asked, cloud } = sessionOf(() => of([small[0]!, failure]));
    for (let reader = 0; reader < 2; reader++) {
      const items = cloud.list(images);
      expect([(await items.next()).value, (await items.next()).value]).toEqual(small[0]);
      await expect(items.next()).rejects.toBe(failure);
    }
    expect(asked).toHaveLength(1);
  });

  it('fetches a page when a reader needs it, and not before', async () => {
    const { cloud, state } = sessionOf(() => of(small));
    const items = cloud.list(images);
    await items.next();
    await items.next();
    await ticks();
    expect(state.given).toBe(1);
    await items.return();
    expect(state).toEqual({ given: 1, closed: 1 });
  });

  it('starts again for a new reader after all others gave up', async () => {
    const { asked, cloud } = sessionOf(() => of(small));
    const items = cloud.list(images);
    await items.next();
    await items.return();
    expect(await all(cloud.list(images))).toEqual(ids);
    expect(asked).toHaveLength(2);
  });

  it('ends the wait of all when the time is over', async () => {
    const { cloud, over } = sessionOf(async function* () {
      yield small[0]!;
      await new Promise(() => undefined);
    });
    const ended = Promise.allSettled([all(cloud.list(images)), all(cloud.list(images))]);
    await ticks();
    over.abort(new Error('the cycle is over'));
    for (const result of await ended) expect(result).toMatchObject({ reason: { message: 'the cycle is over' } });
    await expect(all(cloud.list(images))).rejects.toThrow('the cycle is over');
  });

  it('ends HEAD and endpoint requests when the time is over', async () => {
    const over = new AbortController();
    const hang = () => new Promise<never>(() => undefined);
    const cloud = new CycleCloud(
      { list: () => of([]) as JsonPages, head: hang, endpoint: hang, away: () => [] },
      over.signal,
    );
    const ended = Promise.allSettled([cloud.head({ type: 'x' }, '/'), cloud.endpoint({ type: 'x' })]);
    over.abort(new Error('the cycle is over'));
    for (const result of await ended) expect(result).toMatchObject({ reason: { message: 'the cycle is over' } });
  });
});

describe('a listing that exceeds the limit on held pages', () => {
  const large = 20;
  const long = () => of(pages(large, 1_000));

  it('is read page by page, at the pace of its slowest reader', async () => {
    const { asked, cloud, state } = sessionOf(long);
    const slow = cloud.list(images);
    await slow.next();
    const fast = all(cloud.list(images));
    await ticks(100);
    // 5 pages that may be held, the one that exceeds the limit, and the one that showed it.
    expect(state.given).toBeLessThanOrEqual(7);
    const before = state.given;
    for (let item = 0; item < 2_000; item++) await slow.next();
    await ticks(100);
    expect(state.given).toBeGreaterThan(before);
    expect(state.given).toBeLessThanOrEqual(before + 3);
    expect((await all(slow)).length + 2_001).toBe(large * 1_000);
    expect(await fast).toHaveLength(large * 1_000);
    expect(asked).toHaveLength(1);
  });

  it('is not delayed by a reader that gives up', async () => {
    const { cloud } = sessionOf(long);
    const slow = cloud.list(images);
    await slow.next();
    const fast = all(cloud.list(images));
    await ticks(100);
    await slow.return();
    expect(await fast).toHaveLength(large * 1_000);
  });

  it('is repeated for a reader that comes too late', async () => {
    const { asked, cloud } = sessionOf(long);
    await all(cloud.list(images));
    expect(await all(cloud.list(images))).toHaveLength(large * 1_000);
    expect(asked).toHaveLength(2);
  });

  it('shares the limit with all other listings', async () => {
    const { asked, cloud } = sessionOf(() => of(pages(1, 1_000)));
    const of20 = Array.from({ length: 20 }, (_, index) => ({ ...images, path: `/${index}` }));
    for (const list of of20) await all(cloud.list(list));
    expect(asked).toHaveLength(20);
    // The latest pages are still held, the first are not.
    await all(cloud.list(of20[19]!));
    expect(asked).toHaveLength(20);
    await all(cloud.list(of20[0]!));
    expect(asked).toHaveLength(21);
  });

  it('is limited by the size of its items, each of which may be large', async () => {
    const item = (id: number) => ({ id: `${id}`, description: 'x'.repeat(200_000) });
    const { asked, cloud } = sessionOf(() => of(Array.from({ length: 150 }, (_, id) => [item(id)])));
    expect(await all(cloud.list(images))).toHaveLength(150);
    // 30 MB are not held for later readers.
    expect(await all(cloud.list(images))).toHaveLength(150);
    expect(asked).toHaveLength(2);
  });
});
