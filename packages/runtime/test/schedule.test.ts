import { FakeClock, fakeStart } from '@nephoscope/testing';

import { schedule } from '../src/schedule.js';
import { ticks } from './ticks.js';

const tenSeconds = { name: 'often', interval: 10_000 };
const minute = { name: 'seldom', interval: 60_000 };

/** What came due, with the second after the fake clock's start by the wall clock. */
function watch(groups: readonly (typeof minute)[], clock: FakeClock) {
  const seen: string[] = [];
  const subscription = schedule(groups, clock).subscribe({
    next(due) {
      seen.push(
        `${Number((clock.now() - fakeStart) / 1_000_000n) / 1_000} ${due.map(({ name }) => name).join('+')}`,
      );
    },
  });
  return { seen, subscription };
}

it('is due immediately and then at multiples of the interval on the wall clock', async () => {
  const clock = new FakeClock(fakeStart + 3_000_000_000n);
  const { seen, subscription } = watch([tenSeconds], clock);
  expect(seen).toEqual(['3 often']);
  await clock.advance(27_500);
  expect(seen).toEqual(['3 often', '10 often', '20 often', '30 often']);
  subscription.unsubscribe();
});

it('is due once for groups that are due at the same time', async () => {
  const clock = new FakeClock(fakeStart + 45_000_000_000n);
  const { seen, subscription } = watch([minute, tenSeconds], clock);
  await clock.advance(30_000);
  // The minute at 60 is too close to the first reading.
  expect(seen).toEqual(['45 seldom+often', '50 often', '60 often', '70 often']);
  await clock.advance(50_000);
  expect(seen.at(-1)).toBe('120 seldom+often');
  subscription.unsubscribe();
});

it.each([
  [5_400, ['5.4 often', '20 often']],
  [5_000, ['5 often', '10 often', '20 often']],
  [9_750, ['9.75 often', '20 often']],
])('is due again after half an interval at the earliest, when started at %i ms', async (begun, expected) => {
  const clock = new FakeClock(fakeStart + BigInt(begun) * 1_000_000n);
  const { seen, subscription } = watch([tenSeconds], clock);
  await clock.advance(20_000 - begun);
  expect(seen).toEqual(expected);
  subscription.unsubscribe();
});

it('reports how often it was due while the process was suspended, but not after the clock was set', async () => {
  const clock = new FakeClock();
  const told: number[][] = [];
  const due: number[] = [];
  const two = { name: 'two', interval: 2_000 };
  const subscription = schedule([two], clock, (times, ms) => told.push([times, ms])).subscribe({
    next: () => due.push(Number((clock.now() - fakeStart) / 1_000_000n)),
  });
  await clock.advance(4_000);
  clock.freeze(22_000);
  await clock.advance(0);
  // Suspended from 4 s until 26 s: due were 6, 8, … 26; the last one is not too late.
  expect(told).toEqual([[10, 20_000]]);
  expect(due).toEqual([0, 2_000, 4_000, 26_000]);
  clock.step(3_600_000);
  await clock.advance(4_000);
  expect(told).toHaveLength(1);
  subscription.unsubscribe();
});

it('waits longer than a timer can run', async () => {
  const clock = new FakeClock();
  const slept: number[] = [];
  const sleep = clock.sleep.bind(clock);
  clock.sleep = (ms, signal) => {
    slept.push(ms);
    return sleep(ms, signal);
  };
  const month = 30 * 86_400;
  const { seen, subscription } = watch([{ name: 'rare', interval: month * 1_000 }], clock);
  await clock.advance(month * 1_500);
  const start = Number(fakeStart / 1_000_000_000n);
  // The next month is too close.
  expect(seen).toEqual(['0 rare', `${(Math.floor(start / month) + 2) * month - start} rare`]);
  expect(Math.max(...slept)).toBeLessThan(2 ** 31);
  subscription.unsubscribe();
});

it('is due once after the wall clock was set forward, and aligned again after that', async () => {
  const clock = new FakeClock();
  const { seen, subscription } = watch([tenSeconds], clock);
  await clock.advance(4_000);
  clock.step(3_601_000);
  await clock.advance(20_000);
  expect(seen).toEqual(['0 often', '3611 often', '3620 often']);
  subscription.unsubscribe();
});

it('continues within a minute of its time after the wall clock was set back', async () => {
  const clock = new FakeClock();
  const { seen, subscription } = watch([tenSeconds], clock);
  await clock.advance(4_000);
  clock.step(-3_600_000);
  await clock.advance(60_000);
  expect(seen.length).toBeGreaterThan(2);
  expect(seen.slice(1).every((entry) => entry.endsWith('0 often'))).toBe(true);
  subscription.unsubscribe();
});

it.each([
  ['back and forth by an hour', [3_600, -3_600]],
  ['forward repeatedly', [3_600, 3_600]],
  ['back repeatedly', [-3_600, -3_600]],
  ['back over the time that was just due', [-2, 1]],
])('causes no burst and no long pause when the wall clock jumps %s', async (_, steps) => {
  const clock = new FakeClock();
  const times: number[] = [];
  const subscription = schedule([tenSeconds], clock).subscribe({
    next: () => times.push(Number(clock.monotonic() / 1_000_000n)),
  });
  await clock.advance(10_000);
  for (let second = 0; second < 120; second += 1) {
    clock.step(steps[second % 2]! * 1_000);
    await clock.advance(1_000);
  }
  const pauses = times.slice(2).map((time, index) => time - times[index + 1]!);
  expect(pauses.length).toBeGreaterThan(0);
  expect(Math.min(...pauses)).toBeGreaterThanOrEqual(5_000);
  expect(Math.max(...pauses)).toBeLessThanOrEqual(20_000);
  subscription.unsubscribe();
});

it('leaves no timer behind when it is unsubscribed', async () => {
  const clock = new FakeClock();
  const { seen, subscription } = watch([tenSeconds], clock);
  await ticks();
  expect(clock.sleepers).toBe(1);
  subscription.unsubscribe();
  await ticks();
  expect(clock.sleepers).toBe(0);
  await clock.advance(60_000);
  expect(seen).toEqual(['0 often']);
});

it('fails if the clock fails', async () => {
  const clock = new FakeClock();
  const broken = new Error('the clock is broken');
  clock.sleep = () => Promise.reject(broken);
  const error = await new Promise((resolve) => schedule([tenSeconds], clock).subscribe({ error: resolve }));
  expect(error).toBe(broken);
});
