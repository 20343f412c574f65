import { FakeClock, fakeStart } from '../src/index.js';

const second = 1_000_000_000n;

it('does not move until it is advanced', async () => {
  const clock = new FakeClock();
  const { now, monotonic } = { now: clock.now(), monotonic: clock.monotonic() };
  expect(now).toBe(fakeStart);
  await clock.advance(1_500);
  expect(clock.now() - now).toBe((3n * second) / 2n);
  expect(clock.monotonic() - monotonic).toBe((3n * second) / 2n);
});

it('ends sleeps in the order of their times, each at its own time', async () => {
  const clock = new FakeClock();
  const woken: string[] = [];
  const sleeper = async (name: string, ms: number) => {
    await clock.sleep(ms);
    woken.push(`${name} at ${(clock.now() - fakeStart) / 1_000_000n}`);
  };
  const all = Promise.all([
    sleeper('late', 300),
    sleeper('early', 100),
    sleeper('as early', 100),
    sleeper('never', 5_000),
  ]);
  await clock.advance(1_000);
  expect(woken).toEqual(['early at 100', 'as early at 100', 'late at 300']);
  expect(clock.sleepers).toBe(1);
  await clock.advance(4_000);
  await all;
  expect(clock.sleepers).toBe(0);
});

it('ends the next sleep of the same task as well', async () => {
  const clock = new FakeClock();
  let ticks = 0;
  const controller = new AbortController();
  const ticking = (async () => {
    for (;;) {
      await clock.sleep(10, controller.signal);
      ticks++;
    }
  })();
  await clock.advance(95);
  expect(ticks).toBe(9);
  controller.abort(new Error('enough'));
  await expect(ticking).rejects.toThrow('enough');
  expect(clock.sleepers).toBe(0);
});

it('rejects immediately if the signal was aborted before', async () => {
  const clock = new FakeClock();
  await expect(clock.sleep(10, AbortSignal.abort(new Error('too late')))).rejects.toThrow('too late');
  expect(clock.sleepers).toBe(0);
});
