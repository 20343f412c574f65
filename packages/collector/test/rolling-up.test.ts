import { NephoscopeError } from '@nephoscope/core';
import type { RollupTurn } from '@nephoscope/core/sample-store';
import { FakeClock, RecordingLogger, fakeStart } from '@nephoscope/testing';
import { Registry } from 'prom-client';

import { Retention } from '../src/retention.js';
import { RollingUp } from '../src/rolling-up.js';
import { FakeStore, metric } from './support.js';

const done: RollupTurn = { rolledBefore: fakeStart, samples: 0, spans: 0, leftOut: 0, isMore: false };

/** Its turns have these results, one after the other; the last one for ever. */
function make(...results: (Partial<RollupTurn> | Error)[]) {
  const [clock, logger, registry] = [new FakeClock(), new RecordingLogger(), new Registry()];
  const times: bigint[] = [];
  const rollups = {
    turn: (time: bigint) => {
      times.push(time);
      const result = results[Math.min(times.length, results.length) - 1];
      return result instanceof Error ? Promise.reject(result) : Promise.resolve({ ...done, ...result });
    },
    rebuild: () => Promise.resolve(),
    check: () => ({ [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Error('not asked for')) }) }),
  };
  const store = Object.assign(new FakeStore(), { rollups });
  const rolling = new RollingUp({ store, clock, logger, registry });
  return { clock, logger, registry, store, rolling, times };
}

it('takes turns as long as there is something to do, and looks again every minute', async () => {
  const { clock, registry, rolling, times } = make({ isMore: true, samples: 5, spans: 2 }, { samples: 3 }, {});
  await rolling.start();
  await clock.advance(10);
  expect(times).toHaveLength(2);
  await clock.advance(60_000);
  expect(times).toHaveLength(3);
  await rolling.stop();
  await clock.advance(120_000);
  expect(times).toHaveLength(3);
  // Five minutes before the time.
  expect(times[0]).toBe(fakeStart - 300_000_000_000n);
  expect(await metric(registry, 'nephoscope_collector_rollup_samples_total')).toBe(8);
  expect(await metric(registry, 'nephoscope_collector_rollup_lag_seconds')).toBeGreaterThanOrEqual(60);
});

it('logs and counts a failure, and goes on; another program that does it is none', async () => {
  const busy = new NephoscopeError('STORE_BUSY', 'another one');
  const { clock, logger, registry, rolling, times } = make(busy, new Error('no disk'), { leftOut: 1 });
  await rolling.start();
  await clock.advance(120_010);
  await rolling.stop();
  expect(times).toHaveLength(3);
  expect(await metric(registry, 'nephoscope_collector_rollup_failures_total')).toBe(1);
  expect(logger.entries.map(({ level }) => level)).toEqual(['error', 'warn']);
  expect(await metric(registry, 'nephoscope_collector_rollup_late_left_out_total')).toBe(1);
});

it('retention removes nothing before the first turn is done', async () => {
  const { clock, logger, registry, store, rolling } = make(new Error('no disk'), {});
  let asked = 0;
  store.recordedTimes = () => {
    asked += 1;
    return Promise.resolve(undefined);
  };
  const retention = new Retention({
    ...{ retention: 1_000, store, clock, logger, registry, begun: rolling.begun },
  });
  await rolling.start();
  await retention.start();
  await clock.advance(10);
  expect(asked).toBe(0);
  await clock.advance(60_000);
  expect(asked).toBe(1);
  await retention.stop();
  await rolling.stop();
});
