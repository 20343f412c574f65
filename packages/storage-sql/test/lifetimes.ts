import type { Clock } from '@nephoscope/core';
import type { Sample, SampleStore } from '@nephoscope/core/sample-store';
import { exampleSample } from '@nephoscope/testing';

import { realClock } from './store-at.js';

/** The database of a test. */
export interface Place {
  /** Opens it as a program does. */
  store(clock: Clock): Promise<SampleStore>;
  /** All recorded samples. */
  all(): Promise<Sample[]>;
  /** The rows of a query with a single column. */
  values(query: string): Promise<readonly unknown[]>;
}

const day = 86_400n * 1_000_000_000n;
const now = 1_795_608_000n * 1_000_000_000n;
/** Runs slowly, so that a lock that others hold all the time does not time out on a busy machine. */
const clock: Clock = { ...realClock, now: () => now, monotonic: () => realClock.monotonic() / 10n };

export function lifetimeTests(newPlace: () => Promise<Place>): void {
  let place: Place;
  beforeEach(async () => {
    place = await newPlace();
  });

  const of = (resourceId: string, age: bigint, text = resourceId): Sample =>
    exampleSample({ resourceId, timestamp: now - age * day, metadata: `{"name": "${text}"}` });
  const column = async (query: string) => (await place.values(query)).map(String);
  const series = () => column('select resource_id from series order by 1');
  const texts = () => column('select text from metadata order by 1');
  const dangling = () =>
    column(`select count(*) from samples left join series on series.id = series_id
      left join metadata on metadata.id = metadata_id where series.id is null or metadata.id is null`);

  it('removes series and metadata together with the last samples that refer to them', async () => {
    const store = await place.store(clock);
    const young = [of('stays', 3n), of('changed', 3n, 'new')];
    await store.record([of('gone', 400n), of('stays', 400n), of('changed', 400n), ...young]);
    expect(await store.removeBefore(now - 300n * day)).toBe(3);
    expect(await series()).toEqual(['changed', 'stays']);
    expect(await texts()).toEqual(['{"name": "new"}', '{"name": "stays"}']);
    expect(await place.all()).toEqual(young);
  });

  it('keeps a cached row for later samples that refer to it', async () => {
    const [store, other] = [await place.store(clock), await place.store(clock)];
    await store.record([of('a', 400n), of('b', 400n)]);
    await store.record([of('a', 3n)]);
    await other.record([of('b', 2n)]);
    await store.removeBefore(now - 300n * day);
    await store.record([of('a', 1n), of('b', 1n)]);
    expect(await series()).toEqual(['a', 'b']);
    expect(await place.all()).toHaveLength(4);
  });

  it('writes a cached row again, for late samples, if another program has removed it', async () => {
    const [store, other] = [await place.store(clock), await place.store(clock)];
    await store.record([of('a', 400n)]);
    await other.removeBefore(now - 300n * day);
    expect(await series()).toEqual([]);
    const [first, next] = [of('a', 401n), of('a', 350n)];
    expect(await store.record([first])).toEqual({ recorded: 1, duplicates: 0 });
    expect(await place.all()).toEqual([first]);
    expect(await store.record([first, next])).toEqual({ recorded: 1, duplicates: 1 });
    expect(await store.record([first, next])).toEqual({ recorded: 0, duplicates: 2 });
    expect(await place.all()).toEqual([first, next]);
    expect(await other.removeBefore(now - 200n * day)).toBe(2);
    await other.removeBefore(now - 100n * day);
    expect([await series(), await texts()]).toEqual([[], []]);
  });

  it('keeps the current period at a removal with an absurd time, and removes its samples when they are old', async () => {
    const store = await place.store(clock);
    await store.record([of('a', 1n)]);
    await store.removeBefore(2n ** 70n);
    await store.record([of('b', 0n)]);
    expect(await place.all()).toHaveLength(1);
    const later = await place.store({ ...clock, now: () => now + 200n * day });
    expect(await later.removeBefore(now + 100n * day)).toBe(1);
    expect(await series()).toEqual([]);
  });

  it('never leaves a sample without its rows while two programs record and a third one removes', async () => {
    const stores = [await place.store(clock), await place.store(clock), await place.store(clock)] as const;
    const recorded = new Map<string, Sample>();
    const rounds = 8;
    const record = async (store: SampleStore, name: string) => {
      for (let round = 0; round < rounds; round++) {
        // Both programs use the same rows, for times that are about to be removed, that are already removed, and that are kept.
        const samples = Array.from({ length: 40 }, (_, at) =>
          of(`r${at % 8}`, BigInt([900 - 112 * round, 880 - 112 * round, 910, 1][at % 4] as number)),
        );
        const result = await store.record(samples);
        expect([name, result]).toEqual([name, { recorded: 40, duplicates: 0 }]);
        for (const sample of samples) recorded.set(sample.messageId, sample);
      }
    };
    const remove = async () => {
      for (let round = 0; round < rounds; round++)
        await stores[2].removeBefore(now - BigInt(890 - 112 * round) * day);
    };
    await Promise.all([record(stores[0], 'one'), record(stores[1], 'other'), remove()]);
    expect(await dangling()).toEqual(['0']);
    const left = await place.all();
    expect(left.map(({ messageId }) => recorded.get(messageId))).toEqual(left);
    expect(left.length).toBeGreaterThanOrEqual(2 * rounds * 10);
    // Everything is removed in the end.
    const later = await place.store({ ...clock, now: () => now + 400n * day });
    expect(await later.removeBefore(now + 300n * day)).toBe(left.length);
    expect([await series(), await texts(), await place.all()]).toEqual([[], [], []]);
  }, 60_000);
}
