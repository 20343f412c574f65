import { jest } from '@jest/globals';

import { onStep, systemClock } from '../src/system-clock.js';

describe('the system clock', () => {
  afterEach(() => {
    jest.restoreAllMocks();
    jest.useRealTimers();
    systemClock.now();
  });

  /** Both clocks of the machine, set by the test. */
  function machine(wallMs: number, monotonicNs: bigint) {
    const state = { wallMs, monotonicNs };
    jest.spyOn(Date, 'now').mockImplementation(() => state.wallMs);
    jest.spyOn(process.hrtime, 'bigint').mockImplementation(() => state.monotonicNs);
    return state;
  }

  it('returns the wall clock’s time', () => {
    const before = BigInt(Date.now() - 2) * 1_000_000n;
    const now = systemClock.now();
    expect(now).toBeGreaterThanOrEqual(before);
    expect(now).toBeLessThanOrEqual(BigInt(Date.now() + 2) * 1_000_000n);
  });

  it('has microseconds, unlike Date.now()', () => {
    const state = machine(1_000_000, 50n);
    const first = systemClock.now();
    expect(first).toBe(1_000_000_000_000n);
    state.monotonicNs += 7_123n;
    expect(systemClock.now() - first).toBe(7_123n);
    state.monotonicNs += 992_000n;
    state.wallMs += 1;
    expect(systemClock.now() - first).toBe(999_123n);
  });

  it('follows the wall clock when it is set, in either direction, while the monotonic clock continues', () => {
    const state = machine(5_000_000, 50n);
    systemClock.now();
    state.wallMs += 3_600_000;
    state.monotonicNs += 1_000n;
    expect(systemClock.now()).toBe(8_600_000_000_000n);
    state.wallMs -= 7_200_000;
    state.monotonicNs += 1_000n;
    expect(systemClock.now()).toBe(1_400_000_000_000n);
    expect(systemClock.monotonic()).toBe(2_050n);
  });

  it('reports the next time it is read that the clock was set, and ignores slewing', () => {
    const state = machine(5_000_000, 50n);
    systemClock.now();
    let heard = 0;
    const end = onStep(() => (heard += 1));
    state.wallMs += 400;
    systemClock.now();
    expect(heard).toBe(0);
    state.wallMs -= 1_000;
    systemClock.now();
    systemClock.now();
    expect(heard).toBe(1);
    end();
    state.wallMs += 3_600_000;
    systemClock.now();
    expect(heard).toBe(1);
  });

  it('follows a wall clock that is slewed', () => {
    const state = machine(5_000_000, 0n);
    for (let second = 0; second < 60; second++) {
      state.wallMs += 1_001;
      state.monotonicNs += 1_000_000_000n;
      const off = systemClock.now() - BigInt(state.wallMs) * 1_000_000n;
      expect(off < 0n ? -off : off).toBeLessThanOrEqual(2_000_000n);
    }
  });

  it('sleeps, and ends with the reason of the signal', async () => {
    await systemClock.sleep(1);
    await systemClock.sleep(0);
    const controller = new AbortController();
    const sleeping = systemClock.sleep(3_600_000, controller.signal);
    const reason = new Error('stop');
    controller.abort(reason);
    await expect(sleeping).rejects.toBe(reason);
    await expect(systemClock.sleep(0, controller.signal)).rejects.toBe(reason);
    await expect(systemClock.sleep(5, controller.signal)).rejects.toBe(reason);
  });

  it('sleeps longer than a timer of Node can run', async () => {
    // Node warns and fires after 1 ms: the test passes if it still sleeps after that.
    const warnings: string[] = [];
    const onWarning = ({ name }: Error) => warnings.push(name);
    process.on('warning', onWarning);
    const controller = new AbortController();
    let awake = false;
    const sleeping = systemClock.sleep(2 ** 40, controller.signal).then(
      () => (awake = true),
      () => undefined,
    );
    await systemClock.sleep(20);
    process.off('warning', onWarning);
    expect(awake).toBe(false);
    expect(warnings).toEqual([]);
    controller.abort();
    await sleeping;
  });
});
