import { FakeClock, fakeStart } from '@nephoscope/testing';

import { cycleTime, readNote, untilNextCycle, writeNote } from '../src/cycle-time.js';

const second = 1_000_000_000n;

it.each([
  [fakeStart, 600_000, fakeStart],
  [fakeStart + 599n * second, 600_000, fakeStart],
  [fakeStart + 600n * second, 600_000, fakeStart + 600n * second],
  [fakeStart + 1n, 500, fakeStart],
  [-1n, 1_000, -second],
])('the cycle at %d every %d ms is that of %d', (now, interval, time) => {
  expect(cycleTime(now, interval)).toBe(time);
});

it('a note is read as it was written', () => {
  expect(readNote(writeNote(fakeStart))).toBe(fakeStart);
  expect(Buffer.from(writeNote(fakeStart)).toString()).toBe('{"cycle":"2026-11-22T21:00:00.000000+00:00"}');
});

it('the next cycle is awaited, also when the wall clock is set back', async () => {
  const clock = new FakeClock();
  let due = false;
  void untilNextCycle(clock, 600_000, fakeStart, new AbortController().signal).then(() => (due = true));
  await clock.advance(599_999);
  expect(due).toBe(false);
  await clock.advance(1);
  expect(due).toBe(true);

  const setBack = new FakeClock(fakeStart - 3_600n * second);
  await untilNextCycle(setBack, 600_000, fakeStart, new AbortController().signal);
});
