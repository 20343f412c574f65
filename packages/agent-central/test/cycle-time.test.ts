import { FakeClock, fakeStart } from '@nephoscope/testing';

import { cycleName, cycleTime, nextCycle, readNote, writeNote } from '../src/cycle-time.js';
import type { Cycle } from '../src/cycle-time.js';

const second = 1_000_000_000n;
const never = new AbortController().signal;

it.each([
  [fakeStart, 600_000, fakeStart],
  [fakeStart + 599n * second, 600_000, fakeStart],
  [fakeStart + 600n * second, 600_000, fakeStart + 600n * second],
  [fakeStart + 1n, 500, fakeStart],
  [-1n, 1_000, -second],
])('at %d, the cycle of %d ms began at %d', (now, interval, time) => {
  expect(cycleTime(now, interval)).toBe(time);
});

it('reads a note as it was written', () => {
  const cycle = { time: fakeStart, stepsBack: 2 };
  expect(readNote(writeNote(cycle))).toEqual(cycle);
  expect(Buffer.from(writeNote(cycle)).toString()).toBe('{"cycle":"2026-11-22T21:00:00.000000+00:00","turn":2}');
});

it('reads a note of the previous version as one from a clock that was never set back', () => {
  expect(readNote(Buffer.from('{"cycle":"2026-11-22T21:00:00.000000+00:00"}'))).toEqual({
    time: fakeStart,
    stepsBack: 0,
  });
});

it.each(['{"cycle":"2026-11-22T21:00:00Z","turn":-1}', '{"cycle":"2026-11-22T21:00:00Z","turn":"1"}'])(
  'ignores a note that contains %s',
  (note) => {
    expect(readNote(Buffer.from(note))).toBeUndefined();
  },
);

it('the name of a cycle is its time, as in the previous version, unless the clock was set back', () => {
  expect(cycleName({ time: fakeStart, stepsBack: 0 })).toBe('2026-11-22T21:00:00.000000+00:00');
  expect(cycleName({ time: fakeStart, stepsBack: 1 })).not.toBe(cycleName({ time: fakeStart, stepsBack: 11 }));
});

describe('the next cycle', () => {
  /** The cycle after the last one, and how long it was waited for, in s. */
  async function next(clock: FakeClock, interval: number, last: Cycle | undefined, began?: bigint) {
    let found: Cycle | undefined;
    const from = clock.monotonic();
    void nextCycle(clock, interval, last, began, never).then((cycle) => (found = cycle));
    let waited = 0n;
    for (let tries = 0; found === undefined; tries += 1) {
      if (tries > 8_000) throw new Error('timed out');
      await clock.advance(1_000);
      if (found === undefined) waited = clock.monotonic() - from;
    }
    return { cycle: found, waited: Number(waited / second) };
  }

  it('is that of the current time if no cycle is known', async () => {
    expect((await next(new FakeClock(fakeStart + second), 600_000, undefined)).cycle).toEqual({
      time: fakeStart,
      stepsBack: 0,
    });
  });

  it('is awaited', async () => {
    const last = { time: fakeStart, stepsBack: 3 };
    const { cycle, waited } = await next(new FakeClock(), 600_000, last);
    expect(cycle).toEqual({ time: fakeStart + 600n * second, stepsBack: 3 });
    expect(waited).toBe(599);
  });

  it('of an agent whose clock is slightly behind is not a repetition of the last one', async () => {
    const last = { time: fakeStart, stepsBack: 0 };
    const { cycle, waited } = await next(new FakeClock(fakeStart - second), 600_000, last);
    expect(cycle).toEqual({ time: fakeStart + 600n * second, stepsBack: 0 });
    expect(waited).toBe(600);
  });

  it.each([-61, -3_600, -86_400 * 40, -86_400 * 365 * 56])(
    'after a step back by %d s is immediate, and is not a repetition although its time returns',
    async (seconds) => {
      const last = { time: fakeStart, stepsBack: 1 };
      const clock = new FakeClock(fakeStart + BigInt(seconds) * second);
      const { cycle, waited } = await next(clock, 600_000, last);
      expect(cycle).toEqual({ time: cycleTime(fakeStart + BigInt(seconds) * second, 600_000), stepsBack: 2 });
      expect(waited).toBe(0);
    },
  );

  it('after repeated steps back is at least half an interval after the last one', async () => {
    const clock = new FakeClock();
    let last: Cycle | undefined;
    let began: bigint | undefined;
    const times: bigint[] = [];
    for (let step = 0; step < 5; step += 1) {
      ({ cycle: last } = await next(clock, 10_000, last, began));
      began = clock.monotonic();
      times.push(began);
      clock.step(-3_600_000);
    }
    for (const [index, time] of times.slice(1).entries())
      expect(time - times[index]!).toBeGreaterThanOrEqual(5n * second);
  });

  it('ends with the reason of the signal', async () => {
    const reason = new Error('stop');
    await expect(nextCycle(new FakeClock(), 1_000, undefined, undefined, AbortSignal.abort(reason))).rejects.toBe(
      reason,
    );
  });
});
