import { NephoscopeError } from '@nephoscope/core';
import { FakeClock, fakeStart, RecordingLogger } from '@nephoscope/testing';
import { Registry } from 'prom-client';

import { collectorOptions } from '../src/options.js';
import { Retention } from '../src/retention.js';
import { FakeStore, metric, until } from './support.js';

const day = 86_400_000_000_000n;
const hour = 3_600_000;

function make(options: Record<string, unknown>) {
  const [store, clock, logger, registry] = [
    new FakeStore(),
    new FakeClock(),
    new RecordingLogger(),
    new Registry(),
  ];
  const { retention } = collectorOptions.parse(options);
  return {
    store,
    clock,
    logger,
    registry,
    retention: new Retention({ retention, store, clock, logger, registry }),
  };
}

it('removes what is older at its start and every hour, and counts it', async () => {
  const { clock, logger, registry, retention, store } = make({ retention: '2d' });
  await retention.start();
  await until('it has removed', () => store.removals.length === 1);
  await clock.advance(hour - 1);
  expect(store.removals).toEqual([fakeStart - 2n * day]);
  await clock.advance(1);
  expect(store.removals).toEqual([fakeStart - 2n * day, fakeStart - 2n * day + 3_600_000_000_000n]);
  expect(await metric(registry, 'nephoscope_collector_samples_removed_total')).toBe(1 + 2);
  expect(logger.entries[0]).toMatchObject({
    level: 'info',
    message: 'removed 1 samples of before 2026-11-20T21:00:00.000000+00:00',
  });
  await retention.stop();
  expect(clock.sleepers).toBe(0);
  await clock.advance(hour);
  expect(store.removals).toHaveLength(2);
});

it('keeps everything by default', async () => {
  const { clock, retention, store } = make({});
  await retention.start();
  await clock.advance(2 * hour);
  expect(store.removals).toEqual([]);
  await retention.stop();
});

it('asks for nothing impossible, however long it is', async () => {
  const { retention, store } = make({ retention: '100000000d' });
  await retention.start();
  await until('it has removed', () => store.removals.length === 1);
  expect(store.removals).toEqual([0n]);
  await retention.stop();
});

it('says what failed, counts it, and tries again an hour later', async () => {
  const { clock, logger, registry, retention, store } = make({ retention: '1h' });
  store.removeBefore = () => Promise.reject(new NephoscopeError('STORE_UNAVAILABLE', 'the server is away'));
  await retention.start();
  await until('it was told', () => logger.entries.length === 1);
  expect(logger.entries[0]).toMatchObject({
    level: 'error',
    message: expect.stringMatching(/^samples of before .* not removed, .* in an hour: the server is away$/),
  });
  expect(await metric(registry, 'nephoscope_collector_retention_failures_total')).toBe(1);
  store.removeBefore = () => Promise.resolve(7);
  await clock.advance(hour);
  await until(
    'it has removed',
    async () => (await metric(registry, 'nephoscope_collector_samples_removed_total')) === 7,
  );
  await retention.stop();
});

it('stops in 3 s though the store still removes, and is safe to stop before its start and twice', async () => {
  const { clock, retention, store } = make({ retention: '1h' });
  let asked = false;
  store.removeBefore = () => {
    asked = true;
    return new Promise<never>(() => undefined);
  };
  await retention.start();
  expect(asked).toBe(true);
  const stopped = retention.stop();
  await clock.advance(3_000);
  await stopped;
  const other = make({ retention: '1h' }).retention;
  await other.stop();
  await other.stop();
});
