import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';

import { all, exampleSample, never, noon, rejectsUnavailable } from './support.js';
import type { StoreTests } from './support.js';

/** Start, stop, and calls before and after. */
export function lifecycleTests({ describe, it, contract, withStore }: StoreTests): void {
  describe('lifecycle', () => {
    it('may be stopped before the start', async () => {
      const store = await contract.create(`contract-${randomUUID()}`);
      await store.stop();
    });

    it(
      'may be stopped twice, and twice at the same time',
      withStore(async (store) => {
        await Promise.all([store.stop(), store.stop()]);
        await store.stop();
      }),
    );

    it('is unhealthy before the start, and healthy afterwards', async () => {
      const store = await contract.create(`contract-${randomUUID()}`);
      assert.equal(store.health().ok, false);
      await store.start(never);
      assert.deepEqual(store.health(), { ok: true });
      await store.stop();
      assert.equal(store.health().ok, false);
    });

    it('does not start if its signal is aborted, and can be started later', async () => {
      const store = await contract.create(`contract-${randomUUID()}`);
      const reason = new Error('changed our mind');
      await assert.rejects(
        async () => await store.start(AbortSignal.abort(reason)),
        (error) => error === reason,
      );
      await store.start(never);
      await store.record([exampleSample()]);
      await store.stop();
    });

    it(
      'refuses to work after the stop',
      withStore(async (store) => {
        await store.stop();
        await rejectsUnavailable(async () => await store.record([exampleSample()]));
        await rejectsUnavailable(async () => await store.removeBefore(noon));
        await rejectsUnavailable(async () => await store.recordedTimes());
      }),
    );

    it(
      'finds its recorded samples after a restart',
      withStore(async (store, reader, again) => {
        const sample = exampleSample();
        await store.record([sample]);
        await store.stop();
        await store.start(never);
        assert.deepEqual(await all(reader), [sample]);
        await store.stop();
        const other = await again();
        await other.start(never);
        try {
          assert.deepEqual(await all(reader), [sample]);
          assert.deepEqual(await other.record([sample]), { recorded: 0, duplicates: 1 });
        } finally {
          await other.stop();
        }
      }),
    );

    it(
      'shares its storage with another store that is stopped meanwhile',
      withStore(async (store, reader, again) => {
        const [one, two, three] = [
          exampleSample({ timestamp: noon }),
          exampleSample({ timestamp: noon + 1n }),
          exampleSample({ timestamp: noon + 2n }),
        ];
        await store.record([one]);
        const other = await again();
        await other.start(never);
        await other.record([two]);
        await other.stop();
        await store.record([three]);
        assert.deepEqual(await all(reader), [one, two, three]);
      }),
    );

    it('may be started twice at the same time on the same empty storage', async () => {
      const place = `contract-${randomUUID()}`;
      const stores = [await contract.create(place), await contract.create(place)];
      try {
        await Promise.all(stores.map((store) => store.start(never)));
        const results = await Promise.all(
          stores.map((store, at) => store.record([exampleSample({ sequence: BigInt(at) })])),
        );
        assert.deepEqual(results, [
          { recorded: 1, duplicates: 0 },
          { recorded: 1, duplicates: 0 },
        ]);
      } finally {
        await Promise.all(stores.map((store) => store.stop()));
      }
    });
  });
}
