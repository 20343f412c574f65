import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { FakeClock } from '@nephoscope/testing';

import { OldestKept } from '../src/oldest-kept.js';
import { readerAt, realClock, storeAt } from '../../storage-sql/test/store-at.js';
import { later, replayAfterRemoval } from './replay.js';
import { FakeDelivery, FakeStore, ids, line, metric, started, until } from './support.js';

const day = 86_400_000_000_000n;
/** The time of the samples that `line` makes. */
const time = 1_795_381_200_000_000_000n;

/** A store with samples of these times. */
function storeOf(...times: readonly bigint[]): FakeStore {
  const store = new FakeStore();
  const [first] = times;
  const oldest = times.reduce((least, one) => (one < least ? one : least), first ?? 0n);
  const newest = times.reduce((most, one) => (one > most ? one : most), first ?? 0n);
  store.recordedTimes = () => Promise.resolve(first === undefined ? undefined : { oldest, newest });
  return store;
}

describe('the time before which retention has removed samples', () => {
  it.each([
    ['follows from the clock if nothing is recorded', [], 100n, 89n],
    ['follows from the recorded samples if the clock is ahead', [50n], 100_000n, 39n],
    ['follows from the clock if a sample is ahead', [100_000n], 100n, 89n],
  ])('%s', async (_, recorded, now, oldest) => {
    const clock = new FakeClock(time + now * day);
    const parts = { retention: 10 * 86_400_000, store: storeOf(...recorded.map((at) => time + at * day)), clock };
    expect(await new OldestKept(parts).time()).toBe(time + oldest * day + day / 24n);
  });

  it('does not go back when the clock is set back', async () => {
    const clock = new FakeClock(time);
    const kept = new OldestKept({ retention: 86_400_000, store: storeOf(), clock });
    const before = await kept.time();
    clock.step(-Number(day / 1_000_000n));
    await clock.advance(700_000);
    expect((await kept.time())! >= before!).toBe(true);
  });

  it('is undefined without a retention', async () => {
    const parts = { retention: undefined, store: storeOf(), clock: new FakeClock(time) };
    expect(await new OldestKept(parts).time()).toBeUndefined();
  });
});

it.each([
  ["is the time of the operator's removal, if there is no retention", undefined, 5n, 5n],
  ["is the later one of the operator's removal and the retention: the removal", 10, 95n, 95n],
  ["is the later one of the operator's removal and the retention: the retention", 10, 5n, 89n],
])('%s', async (_, retention, removed, oldest) => {
  const store = storeOf();
  store.removed = time + removed * day;
  const clock = new FakeClock(time + 100n * day);
  const kept = new OldestKept({ retention: retention && retention * 86_400_000, store, clock });
  expect(await kept.time()).toBe(time + oldest * day + (oldest === 89n ? day / 24n : 0n));
  // A removal takes effect at once.
  store.removed = time + 99n * day;
  expect(await kept.time()).toBe(time + 99n * day);
});

it('refuses samples that an operator removed from SQLite when they are sent again', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'nephoscope-expired-'));
  const path = join(folder, 'samples.db');
  const store = storeAt(path, { ...realClock, now: () => later });
  await store.start(new AbortController().signal);
  const { dead, removed, left } = await replayAfterRemoval(store, readerAt(path));
  await store.stop();
  rmSync(folder, { recursive: true });
  expect([dead, removed, left]).toEqual([[expect.stringMatching(/^expired: it is dated 2026-11-22T/)], 1, 0]);
});

it('turns a repetition of a removed sample into a dead letter, counts it and logs it', async () => {
  const running = await started({ retention: '10d' });
  running.store.recordedTimes = storeOf(time + 12n * day).recordedTimes;
  await running.clock.advance(Number((time + 12n * day - running.clock.now()) / 1_000_000n));
  const late = new FakeDelivery(line({ id: 'removed' }));
  running.bus.send(late);
  await until('it is settled', () => late.outcome === 'ack');
  expect(late.dead.map(({ reason }) => reason)).toEqual([expect.stringMatching(/^expired: it is dated 2026-/)]);
  expect(ids(running.store.recorded)).toEqual([]);
  expect(await metric(running.registry, 'nephoscope_collector_samples_refused_total', { reason: 'expired' })).toBe(
    1,
  );
  expect(running.told('warn')).toEqual([expect.stringContaining('expired: ')]);
});

it('records samples within the retention', async () => {
  const running = await started({ retention: '20d' });
  running.store.recordedTimes = storeOf(time + 12n * day).recordedTimes;
  await running.clock.advance(Number((time + 12n * day - running.clock.now()) / 1_000_000n));
  const late = new FakeDelivery(line({ id: 'kept' }));
  running.bus.send(late);
  await until('it is settled', () => late.outcome === 'ack');
  expect(ids(running.store.recorded)).toEqual(['kept']);
});
