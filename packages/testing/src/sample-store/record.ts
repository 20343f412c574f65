import assert from 'node:assert/strict';

import type { Sample } from '@nephoscope/core/sample-store';

import { all, exampleSample, examples, noon, second } from './support.js';
import type { StoreTests } from './support.js';

/** Batches are recorded once. */
export function recordTests({ describe, it, withStore }: StoreTests): void {
  describe('record', () => {
    it(
      'accepts an empty batch',
      withStore(async (store) => {
        assert.deepEqual(await store.record([]), { recorded: 0, duplicates: 0 });
      }),
    );

    it(
      'records a batch once, however often it is offered',
      withStore(async (store, reader) => {
        const batch = examples(250);
        assert.deepEqual(await store.record(batch), { recorded: 250, duplicates: 0 });
        assert.deepEqual(await store.record(batch), { recorded: 0, duplicates: 250 });
        assert.deepEqual(await store.record([...batch.slice(100), ...examples(3)]), {
          recorded: 3,
          duplicates: 150,
        });
        assert.equal((await all(reader)).length, 253);
      }),
    );

    it(
      'keeps the first of several samples with the same message id',
      withStore(async (store, reader) => {
        const first = exampleSample({ volume: '1' });
        const later = exampleSample({
          messageId: first.messageId,
          volume: '2',
          meter: 'other',
          timestamp: noon + second,
        });
        assert.deepEqual(await store.record([first, later, first]), { recorded: 1, duplicates: 2 });
        assert.deepEqual(await store.record([later]), { recorded: 0, duplicates: 1 });
        assert.deepEqual(await all(reader), [first]);
      }),
    );

    it(
      'returns the recorded samples with the given message ids, whatever else differs',
      withStore(async (store) => {
        const first = examples(3);
        const [one, two, three] = first as [Sample, Sample, Sample];
        await store.record(first);
        const other = exampleSample({
          ...one,
          projectId: 'another',
          volume: '7',
          timestamp: one.timestamp + 86_400n * second,
        });
        assert.deepEqual(await store.record([other, two]), { recorded: 0, duplicates: 2 });
        const byId = (samples: readonly Sample[]) =>
          [...samples].sort((left, right) => (left.messageId < right.messageId ? -1 : 1));
        assert.deepEqual(byId(await store.recordedAs([other, two])), byId([one, two]));
        assert.deepEqual(await store.recordedAs([exampleSample({ resourceId: three.resourceId })]), []);
        assert.deepEqual(await store.recordedAs([]), []);
        assert.equal((await store.recordedAs(Array.from({ length: 3_000 }, () => two))).length > 0, true);
      }),
    );

    it(
      'counts exactly if the same samples are recorded concurrently',
      withStore(async (store, reader) => {
        const batch = examples(120);
        const results = await Promise.all([batch, batch, batch].map((samples) => store.record(samples)));
        assert.equal(
          results.reduce((sum, { recorded }) => sum + recorded, 0),
          120,
        );
        assert.equal(
          results.reduce((sum, { duplicates }) => sum + duplicates, 0),
          240,
        );
        assert.equal((await all(reader)).length, 120);
      }),
    );
  });
}
