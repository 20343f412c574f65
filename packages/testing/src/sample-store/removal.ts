import assert from 'node:assert/strict';

import type { Sample } from '@nephoscope/core/sample-store';

import { all, never, exampleSample, noon, second } from './support.js';
import type { StoreTests } from './support.js';

const day = 86_400n * second;

/**
 * Samples are removed by age. Those of the last days before the limit may stay, in a partition that is not completely
 * old.
 */
export function removalTests({ describe, it, withStore }: StoreTests): void {
  describe('removeBefore', () => {
    const old = Array.from({ length: 30 }, (_, at) => exampleSample({ timestamp: noon - BigInt(400 - at) * day }));
    const young = [0n, 1n, 5n * day].map((age) => exampleSample({ timestamp: noon + age }));

    it(
      'removes samples long before the time, returns their number, and removes no others',
      withStore(async (store, reader) => {
        await store.record([...young, ...old]);
        assert.equal(await store.removeBefore(noon - 360n * day), old.length);
        assert.deepEqual(await all(reader), young);
        assert.equal(await store.removeBefore(noon - 360n * day), 0);
      }),
    );

    it(
      'keeps samples at or after the time, even if all older ones are of the same day',
      withStore(async (store, reader) => {
        const before = exampleSample({ timestamp: noon - 1n });
        await store.record([before, ...young]);
        const removed = await store.removeBefore(noon);
        assert.deepEqual(await all(reader), removed === 1 ? young : [before, ...young]);
        assert.ok(removed <= 1);
      }),
    );

    it(
      'removes the oldest sample, too; with a time beyond 64 bits, nothing or all but the latest',
      withStore(async (store, reader) => {
        const first = exampleSample({ timestamp: -(2n ** 63n) });
        await store.record([first, ...young]);
        assert.equal(await store.removeBefore(-(2n ** 70n)), 0);
        assert.equal(await store.removeBefore(noon - 360n * day), 1);
        assert.equal(await store.removeBefore(2n ** 70n), young.length);
        assert.deepEqual(await all(reader), []);
      }),
    );

    it(
      'keeps all samples before a second, earlier time',
      withStore(async (store, reader) => {
        const texts = (found: readonly Sample[]) => found.map(({ text }) => text);
        const ofWrongClocks = [0n, 1n, noon - 2_000n * day].map((timestamp) => exampleSample({ timestamp }));
        await store.record([...young, ...old, ...ofWrongClocks]);
        assert.equal(await store.removeBefore(noon - 360n * day, noon - 1_000n * day), old.length);
        assert.deepEqual(texts(await all(reader)), texts([...ofWrongClocks, ...young]));
        assert.equal(await store.removeBefore(noon - 360n * day, 1n), 2);
        assert.equal(await store.removeBefore(noon - 360n * day), 1);
        assert.deepEqual(await all(reader), young);
      }),
    );

    it(
      'allows removed message ids to be recorded again, but not those that were kept',
      withStore(async (store, reader) => {
        await store.record([...old, ...young]);
        await store.removeBefore(noon - 360n * day);
        assert.deepEqual(await store.record([...old, ...young]), {
          recorded: old.length,
          duplicates: young.length,
        });
        assert.equal((await all(reader)).length, old.length + young.length);
      }),
    );

    it(
      'reports until what time samples were removed, even after a restart, and never a time in the future',
      withStore(async (store, reader, again) => {
        const other = await again();
        const months = noon - 360n * day;
        await store.record([...old, ...young]);
        assert.equal(await store.removedBefore(), undefined);
        await store.removeBefore(noon - 1_000n * day);
        assert.equal(await store.removedBefore(), undefined);
        await store.removeBefore(months);
        const removed = await store.removedBefore();
        assert.ok(removed !== undefined && removed > (old.at(-1) as Sample).timestamp && removed <= months);
        await store.removeBefore(noon - 370n * day);
        await other.start(never);
        try {
          assert.equal(await other.removedBefore(), removed);
          await other.record([exampleSample({ timestamp: 2n ** 62n })]);
          const asked = BigInt(Date.now()) * 1_000_000n;
          await other.removeBefore(2n ** 70n);
          const all = await store.removedBefore();
          assert.ok(all !== undefined && all >= removed && all <= asked + day, 'it is of a time to come');
        } finally {
          await other.stop();
        }
      }),
    );

    it(
      'may be called twice at the same time, while others record',
      withStore(async (store, reader, again) => {
        const other = await again();
        await other.start(never);
        try {
          await store.record(old);
          const [one, two, recorded] = await Promise.all([
            store.removeBefore(noon - 360n * day),
            other.removeBefore(noon - 360n * day),
            store.record(young),
          ]);
          assert.equal(one + two, old.length);
          assert.deepEqual(recorded, { recorded: young.length, duplicates: 0 });
          assert.deepEqual(await all(reader), young);
        } finally {
          await other.stop();
        }
      }),
    );

    it(
      'uses the times of recorded samples: of all, or of those before a time',
      withStore(async (store) => {
        assert.equal(await store.recordedTimes(), undefined);
        await store.record([...young, ...old]);
        const [oldest, newest] = [noon - 400n * day, noon + 5n * day];
        assert.deepEqual(await store.recordedTimes(), { oldest, newest });
        assert.deepEqual(await store.recordedTimes(2n ** 70n), { oldest, newest });
        assert.deepEqual(await store.recordedTimes(noon + 1n), { oldest, newest: noon });
        assert.deepEqual(await store.recordedTimes(oldest + 1n), { oldest, newest: oldest });
        assert.equal(await store.recordedTimes(oldest), undefined);
        assert.equal(await store.recordedTimes(-(2n ** 70n)), undefined);
      }),
    );
  });
}
