import { FakeClock, RecordingLogger } from '@nephoscope/testing';
import { Registry } from 'prom-client';

import { clockWatch } from '../src/clock-watch.js';

/** A machine whose clocks are set by the test. */
async function watched() {
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  const registry = new Registry();
  let suspended = 0;
  // As coarse as the kernel's clock.
  const uptime = () => Math.floor((Number(clock.monotonic() / 1_000_000n) / 1_000 + suspended) * 100) / 100;
  const watch = clockWatch({ clock, logger, registry, uptime });
  await watch.start(new AbortController().signal);
  const counted = async (name: string) => {
    const { values } = await registry.getSingleMetric(name)!.get();
    return Object.fromEntries(values.map(({ labels, value }) => [labels['direction'] ?? '', value]));
  };
  return {
    clock,
    watch,
    counted,
    told: () => logger.entries.map(({ level, message }) => `${level}: ${message}`),
    suspend(seconds: number) {
      suspended += seconds;
      clock.step(seconds * 1_000);
    },
  };
}

it.each([
  [3_600, 'forward by 3600 s, to 2026-11-22T22:00:10'],
  [-1.5, 'back by 1.5 s, to 2026-11-22T21:00:08'],
  [-86_400 * 365 * 56, 'back by 1766016000 s, to 1970-12-06T'],
  [86_400 * 36_525, 'forward by 3155760000 s, to 2126-11-23T'],
])('logs a step of the wall clock by %d s, once', async (seconds, text) => {
  const { clock, counted, told, watch } = await watched();
  clock.step(seconds * 1_000);
  await clock.advance(60_000);
  expect(told()).toHaveLength(1);
  expect(told()[0]).toContain(`warn: the wall clock was set ${text}`);
  expect(await counted('nephoscope_clock_steps_total')).toEqual({ [seconds > 0 ? 'forward' : 'back']: 1 });
  expect(await counted('nephoscope_suspensions_total')).toEqual({ '': 0 });
  await watch.stop();
});

it('logs nothing for a clock that is slewed, even by minutes in total', async () => {
  const { clock, told, watch } = await watched();
  for (let second = 0; second < 3_600; second += 1) {
    clock.step(1_000 / 12);
    await clock.advance(1_000);
  }
  // And back, with a delay in which more than the smallest step accumulates.
  clock.step(-5_000);
  clock.sleep = () => Promise.reject(new Error('not asked any more'));
  await watch.stop();
  expect(told()).toHaveLength(1);
  expect(told()[0]).toContain('back by 5 s');
});

it('logs a suspension as a suspension, and not as a step', async () => {
  const { clock, counted, suspend, told, watch } = await watched();
  suspend(7_200);
  await clock.advance(10_000);
  expect(told()).toEqual(['warn: the machine was suspended for 7200 s: nothing was done in that time']);
  expect(await counted('nephoscope_clock_steps_total')).toEqual({});
  suspend(60);
  clock.step(-30_000);
  await clock.advance(10_000);
  expect(told()).toHaveLength(3);
  expect(told()[1]).toContain('suspended for 60 s');
  expect(told()[2]).toContain('set back by 30 s');
  await watch.stop();
});

it('logs a step that is reverted before its next check, if other code reads the clock meanwhile', async () => {
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  let heard: (() => void) | undefined;
  const onStep = (listener: () => void) => {
    heard = listener;
    return () => (heard = undefined);
  };
  const uptime = () => Number(clock.monotonic() / 1_000_000n) / 1_000;
  const watch = clockWatch({ clock, logger, registry: new Registry(), uptime, onStep });
  await watch.start(new AbortController().signal);
  for (const seconds of [3_600, -3_600]) {
    await clock.advance(2_000);
    clock.step(seconds * 1_000);
    heard?.();
  }
  await clock.advance(60_000);
  expect(logger.entries.map(({ message }) => message)).toEqual([
    expect.stringContaining('forward by 3600 s'),
    expect.stringContaining('back by 3600 s'),
  ]);
  await watch.stop();
  expect(heard).toBeUndefined();
});

it('logs changes since the last check when it stops, and can be stopped before its start and twice', async () => {
  const { clock, told, watch } = await watched();
  clock.step(-7_000);
  await watch.stop();
  expect(told()).toHaveLength(1);
  await watch.stop();
  const other = clockWatch({ clock, logger: new RecordingLogger(), registry: new Registry() });
  await other.stop();
  expect(clock.sleepers).toBe(0);
});
