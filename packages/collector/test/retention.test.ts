import { NephoscopeError } from '@nephoscope/core';
import { FakeClock, fakeStart, RecordingLogger } from '@nephoscope/testing';
import { Registry } from 'prom-client';

import { collectorOptions } from '../src/options.js';
import { Retention } from '../src/retention.js';
import { FakeStore, metric, until } from './support.js';

const day = 86_400_000_000_000n;
const hour = 3_600_000;

/** A store of samples that have only times. */
class TimesStore extends FakeStore {
  times: bigint[] = [];

  override recordedTimes = (before?: bigint) => {
    const found = this.times.filter((time) => before === undefined || time < before);
    if (found.length === 0) return Promise.resolve(undefined);
    const sorted = found.sort((a, b) => Number(a - b));
    return Promise.resolve({ oldest: sorted[0]!, newest: sorted.at(-1)! });
  };

  override removeBefore = (time: bigint, since?: bigint): Promise<number> => {
    this.removals.push(time);
    const before = this.times.length;
    this.times = this.times.filter((one) => one >= time || (since !== undefined && one < since));
    return Promise.resolve(before - this.times.length);
  };
}

function make(options: Record<string, unknown>, clock = new FakeClock()) {
  const [store, logger, registry] = [new TimesStore(), new RecordingLogger(), new Registry()];
  const { retention } = collectorOptions.parse(options);
  return {
    store,
    clock,
    logger,
    registry,
    retention: new Retention({ retention, store, clock, logger, registry }),
    told: () => logger.entries.map(({ level, message }) => `${level}: ${message}`),
    held: () => metric(registry, 'nephoscope_collector_retention_held'),
  };
}

/** The times of hourly samples, from this many days before the fake clock's start. */
const days = (from: number, to = 0) =>
  Array.from(
    { length: (from - to) * 24 + 1 },
    (_, at) => fakeStart - BigInt(from) * day + BigInt(at) * (day / 24n),
  );

/** Runs the removal once. */
async function once({ retention, clock }: ReturnType<typeof make>) {
  await retention.start();
  await clock.advance(1);
  await retention.stop();
}

it('removes expired samples at its start and every hour, one day after they expired, and counts them', async () => {
  const made = make({ retention: '2d' });
  const { clock, logger, registry, retention, store } = made;
  store.times = days(5);
  await retention.start();
  await clock.advance(1);
  expect(store.times).toEqual(days(3));
  expect(logger.entries[0]).toMatchObject({
    level: 'info',
    message: 'removed 48 samples from before 2026-11-19T21:00:00.000000+00:00',
  });
  store.times.push(fakeStart + day / 24n);
  await clock.advance(hour);
  expect(store.times).toEqual([...days(3).slice(1), fakeStart + day / 24n]);
  expect(await metric(registry, 'nephoscope_collector_samples_removed_total')).toBe(49);
  expect(await made.held()).toBe(0);
  await retention.stop();
  expect(clock.sleepers).toBe(0);
});

describe('a wrong clock', () => {
  it.each([
    ['a collector', 100 * 365],
    ['a collector', 40],
    ['a collector', 10],
  ])('of %s, ahead by %d days, causes no additional removal', async (_, ahead) => {
    const made = make({ retention: '30d' }, new FakeClock(fakeStart + BigInt(ahead) * day));
    made.store.times = days(31);
    await once(made);
    expect(made.store.times).toEqual(days(31));
    expect(made.told()).toEqual([
      expect.stringMatching(
        /^warn: samples past collector.retention are kept: .* the clock is ahead, or nothing was rec/,
      ),
    ]);
    expect(await made.held()).toBe(1);
  });

  it('that jumps ahead while the collector runs removes nothing, and removal resumes when it is right again', async () => {
    const made = make({ retention: '30d' });
    made.store.times = days(31);
    await made.retention.start();
    await made.clock.advance(1);
    made.clock.step(100 * 365 * 86_400_000);
    await made.clock.advance(30 * hour);
    expect(made.store.times).toEqual(days(31));
    // Logged once a day.
    expect(made.told()).toHaveLength(2);
    made.clock.step(-100 * 365 * 86_400_000);
    await made.clock.advance(hour);
    expect(made.told().at(-1)).toBe('info: no samples are held back from removal any more');
    await made.retention.stop();
  });

  it('of the collector and of publishers, ahead for less than a day, removes nothing', async () => {
    const made = make({ retention: '30d' }, new FakeClock(fakeStart + 13n * day));
    made.store.times = [
      ...days(30),
      ...days(0, -1)
        .slice(1)
        .map((time) => time + 12n * day + 1n),
    ];
    const before = [...made.store.times];
    await once(made);
    expect(made.store.times).toEqual(before);
  });

  it('of one publisher, 100 years ahead, neither removes samples nor stops removal', async () => {
    const made = make({ retention: '2d' });
    const future = days(2).map((time) => time + 36_525n * day);
    made.store.times = [...days(5), ...future];
    await once(made);
    expect(made.store.times).toEqual([...days(2), ...future]);
    expect(made.told()).toEqual([expect.stringMatching(/^info: removed 72 samples from before 2026-11-20T21/)]);
  });

  it.each([
    ['1970', 0n],
    ['before 1970', -day],
    ['the last year', fakeStart - 365n * day],
  ])('of a publisher, in %s, is logged, its samples are kept, and the others are removed', async (_, time) => {
    const made = make({ retention: '30d' });
    made.store.times = [time, time + 2n * day, ...days(32)];
    await once(made);
    expect(made.store.times).toEqual([time, time + 2n * day, ...days(31)]);
    expect(made.told()).toEqual([
      expect.stringMatching(/^warn: .*the oldest sample is dated .* behind them .*nephoscope retention --bef/),
      expect.stringMatching(/^info: removed 24 samples/),
    ]);
    expect(await made.held()).toBe(1);
  });

  it.each([35, 50, 75, 100, 150])(
    'of all programs, ahead by %d days and for longer than a day, removes no older samples',
    async (ahead) => {
      const now = fakeStart + BigInt(ahead) * day;
      const made = make({ retention: '30d' }, new FakeClock(now));
      const wrong = days(2).map((time) => time + BigInt(ahead) * day);
      made.store.times = [...days(31), ...wrong];
      await once(made);
      expect(made.store.times).toEqual([...days(31), ...wrong]);
      expect(await made.held()).toBe(1);
    },
  );

  it('of the collector that shows 1970 removes nothing', async () => {
    const made = make({ retention: '2d' }, new FakeClock(5n * day));
    made.store.times = days(5);
    await once(made);
    expect(made.store.times).toEqual(days(5));
  });
});

it('removes no more than two weeks at once without confirmation, as when it is new or was shortened', async () => {
  const made = make({ retention: '30d' });
  made.store.times = days(60);
  await once(made);
  expect(made.store.removals).toEqual([]);
  expect(await made.held()).toBe(1);
});

it('needs no confirmation after some days without a collector', async () => {
  const made = make({ retention: '30d' });
  made.store.times = days(43);
  await once(made);
  expect(made.store.times).toEqual(days(31));
});

it('keeps all samples by default', async () => {
  const { clock, retention, store } = make({});
  await retention.start();
  await clock.advance(2 * hour);
  expect(store.removals).toEqual([]);
  await retention.stop();
});

it('accepts a retention of any length', async () => {
  const made = make({ retention: '100000000d' });
  made.store.times = days(5);
  await once(made);
  expect(made.store.times).toEqual(days(5));
  expect(made.told()).toEqual([]);
});

it('logs a failure, counts it, and retries an hour later', async () => {
  const { clock, logger, registry, retention, store } = make({ retention: '1h' });
  store.times = days(3);
  store.removeBefore = () => Promise.reject(new NephoscopeError('STORE_UNAVAILABLE', 'the server is away'));
  await retention.start();
  await until('it was told', () => logger.entries.length === 1);
  expect(logger.entries[0]).toMatchObject({
    level: 'error',
    message: expect.stringMatching(/ were not removed; .* in an hour: the server is away$/),
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

it('stops after 3 s even if the store hangs in a removal, and can be stopped before its start and twice', async () => {
  const { clock, retention, store } = make({ retention: '1h' });
  store.times = days(3);
  let asked = false;
  store.removeBefore = () => {
    asked = true;
    return new Promise<never>(() => undefined);
  };
  await retention.start();
  await until('it is asked', () => asked);
  const stopped = retention.stop();
  await clock.advance(3_000);
  await stopped;
  const other = make({ retention: '1h' }).retention;
  await other.stop();
  await other.stop();
});
