import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';

import type { Sample, SampleReader } from '@nephoscope/core/sample-store';

import { within } from '../test-framework.js';
import { all, exampleSample, examples, never, noon, rejectsUnavailable, resourcesOf, second } from './support.js';
import type { StoreTests } from './support.js';

/** ms; for what must not wait for anything. */
const atOnce = 10_000;
/** More than any page of a reader is likely to hold. */
const many = 2_000;

/** Readers are independent of recording, of each other, and of their callers. */
export function readingTests({ describe, it, contract, withStore }: StoreTests): void {
  describe('reader', () => {
    it('reports that nothing has been recorded, creates nothing, and can be started later', async () => {
      const place = `contract-${randomUUID()}`;
      const reader = await contract.createReader(place);
      const missing = () => assert.rejects(async () => await reader.start(never), { code: 'STORE_MISSING' });
      await missing();
      await missing();
      assert.equal(reader.health().ok, false);
      const store = await contract.create(place);
      await store.start(never);
      try {
        await reader.start(never);
        assert.deepEqual(await all(reader), []);
        assert.deepEqual(reader.health(), { ok: true });
      } finally {
        await reader.stop();
        await store.stop();
      }
    });

    it('may be stopped before the start', async () => {
      await (await contract.createReader(`contract-${randomUUID()}`)).stop();
    });

    it(
      'refuses to work after the stop, and works again after a restart',
      withStore(async (store, reader) => {
        const sample = exampleSample();
        await store.record([sample]);
        await Promise.all([reader.stop(), reader.stop()]);
        assert.equal(reader.health().ok, false);
        await rejectsUnavailable(async () => await all(reader));
        await rejectsUnavailable(async () => await reader.meters({ scope: 'all' }, never));
        await rejectsUnavailable(() => resourcesOf(reader));
        const reason = new Error('changed our mind');
        await assert.rejects(
          async () => await reader.start(AbortSignal.abort(reason)),
          (error) => error === reason,
        );
        await reader.start(never);
        assert.deepEqual(await all(reader), [sample]);
      }),
    );

    it(
      "reads the store's samples after the store was stopped",
      withStore(async (store, reader) => {
        const sample = exampleSample();
        await store.record([sample]);
        await store.stop();
        assert.deepEqual(await all(reader), [sample]);
      }),
    );

    it(
      'delays neither recording nor removal, and its stream has the samples that existed at its beginning',
      withStore(async (store, reader) => {
        const [before, after] = [examples(many), examples(100)];
        await store.record(before);
        const stream = reader.samples({ scope: 'all' }, never)[Symbol.asyncIterator]();
        const first = await stream.next();
        await within('a batch while a stream is open', atOnce, store.record(after));
        await within(
          'a removal while a stream is open',
          atOnce,
          store.removeBefore(noon - 360n * 86_400n * second),
        );
        const found = [first.value as Sample, ...(await rest(stream))];
        assert.deepEqual(idsOf(found), idsOf(before));
        assert.equal((await all(reader)).length, many + 100);
      }),
    );

    it(
      'does not wait for recording, and reads each batch completely or not at all',
      withStore(async (store, reader) => {
        let done = false;
        const recording = (async () => {
          for (let round = 0; round < 10; round++) await store.record(batchOf(`${round}`));
          done = true;
        })();
        let looks = 0;
        do {
          const sizes = new Map<string | null, number>();
          for (const { publisherId } of await all(reader))
            sizes.set(publisherId, (sizes.get(publisherId) ?? 0) + 1);
          assert.deepEqual([...new Set(sizes.values())], sizes.size === 0 ? [] : [batchSize]);
          looks += 1;
        } while (!done);
        await recording;
        assert.ok(looks > 0);
        assert.equal((await all(reader)).length, 10 * batchSize);
      }),
    );

    it(
      'ends a stream with the reason when its signal is aborted, and continues others',
      withStore(async (store, reader) => {
        await store.record(examples(many));
        const gone = new AbortController();
        const reason = new Error('the client went away');
        const stream = reader.samples({ scope: 'all' }, gone.signal)[Symbol.asyncIterator]();
        const other = reader.samples({ scope: 'all' }, never)[Symbol.asyncIterator]();
        await Promise.all([stream.next(), other.next()]);
        gone.abort(reason);
        await within(
          'the end of the stream',
          atOnce,
          assert.rejects(rest(stream), (error) => error === reason),
        );
        assert.equal((await rest(other)).length, many - 1);
        assert.deepEqual(reader.health(), { ok: true });
      }),
    );

    const calls: Readonly<Record<string, (reader: SampleReader, signal: AbortSignal) => Promise<unknown>>> = {
      samples: (reader, signal) => all(reader, {}, signal),
      meters: (reader, signal) => reader.meters({ scope: 'all' }, signal),
      resources: (reader, signal) => resourcesOf(reader, {}, signal),
      projects: (reader, signal) => reader.projects({ scope: 'all' }, signal),
      'a page of samples': (reader, signal) => reader.samplePage({ scope: 'all', limit: 10 }, signal),
    };
    for (const [name, call] of Object.entries(calls))
      it(
        `ends ${name} if its signal is aborted before or during the call`,
        withStore(async (store, reader) => {
          await store.record(examples(many));
          const reason = new Error('the client went away');
          const isReason = (error: unknown) => error === reason;
          await assert.rejects(async () => await call(reader, AbortSignal.abort(reason)), isReason);
          const gone = new AbortController();
          const asked = [1, 2, 3, 4, 5].map(() => assert.rejects(call(reader, gone.signal), isReason));
          gone.abort(reason);
          await within('the end of what was asked', atOnce, Promise.all(asked));
          assert.deepEqual(reader.health(), { ok: true });
          assert.equal((await reader.meters({ scope: 'all' }, never))[0]?.samples, many);
        }),
      );

    it(
      'ends reads in progress when it is stopped',
      withStore(async (store, reader) => {
        await store.record(examples(many));
        const stream = reader.samples({ scope: 'all' }, never)[Symbol.asyncIterator]();
        await stream.next();
        await within('the stop', atOnce, reader.stop());
        await rejectsUnavailable(() => rest(stream));
      }),
    );

    it(
      'finds the sample with a message id, also within a meter and resource',
      withStore(async (store, reader) => {
        const plain = exampleSample({ messageId: 'no uuid', timestamp: noon + 1n });
        const [one, ...others] = examples(20) as [Sample, ...Sample[]];
        await store.record([one, plain, ...others]);
        const { messageId, meter, resourceId } = one;
        assert.deepEqual(await all(reader, { messageId }), [one]);
        assert.deepEqual(await all(reader, { messageId, meters: [meter], resources: [resourceId] }), [one]);
        assert.deepEqual(await all(reader, { messageId: 'no uuid' }), [plain]);
        assert.deepEqual(await all(reader, { messageId, meters: ['other'] }), []);
        assert.deepEqual(await all(reader, { messageId, end: one.timestamp }), []);
        assert.deepEqual(await all(reader, { messageId: randomUUID() }), []);
        assert.deepEqual(
          (await reader.meters({ scope: 'all', messageId }, never)).map(({ samples }) => samples),
          [1],
        );
      }),
    );

    const { takeAway } = contract;
    if (takeAway !== undefined)
      it(
        'recovers after its storage was unavailable',
        withStore(async (store, reader, again, place) => {
          const sample = exampleSample();
          await store.record([sample]);
          assert.deepEqual(await all(reader), [sample]);
          await store.stop();
          const bringBack = await takeAway(place);
          try {
            await rejectsUnavailable(() => all(reader));
            await rejectsUnavailable(() => reader.meters({ scope: 'all' }, never));
            assert.equal(reader.health().ok, false);
          } finally {
            await bringBack();
          }
          assert.deepEqual(await all(reader), [sample]);
          assert.deepEqual(reader.health(), { ok: true });
          const next = exampleSample({ timestamp: noon + 1n });
          const other = await again();
          await other.start(never);
          await other.record([next]);
          await other.stop();
          assert.deepEqual(await all(reader), [sample, next]);
        }),
      );
  });
}

const batchSize = 50;

/** Samples of one batch, which a single page cannot hold. */
function batchOf(publisherId: string): Sample[] {
  return Array.from({ length: batchSize }, (_, at) => exampleSample({ publisherId, resourceId: `r${at}` }));
}

async function rest(stream: AsyncIterator<Sample>): Promise<Sample[]> {
  const found: Sample[] = [];
  for (let next = await stream.next(); next.done !== true; next = await stream.next()) found.push(next.value);
  return found;
}

function idsOf(samples: readonly Sample[]): string[] {
  return samples.map(({ messageId }) => messageId).sort();
}
