import type { Clock } from '@nephoscope/core';

import type { Component } from '../src/lifecycle.js';
import { runOnce } from '../src/run-once.js';
import { systemClock } from '../src/system-clock.js';

const quiet = () => undefined;
const logger = { debug: quiet, info: quiet, warn: quiet, error: quiet };

/** Of all sleeps, only those of this length end. */
const passing = (ms?: number): Clock => ({
  ...systemClock,
  sleep: (time) => (time === ms ? Promise.resolve() : new Promise(() => undefined)),
});

function parts(overrides: Partial<Parameters<typeof runOnce>[0]> = {}) {
  const steps: string[] = [];
  const bus: Component = {
    name: 'bus',
    start: () => (steps.push('start'), Promise.resolve()),
    stop: () => (steps.push('stop'), Promise.resolve()),
  };
  const given = {
    components: [bus],
    cycle: () => (steps.push('cycle'), Promise.resolve()),
    cycleTime: 30_000,
    failedPlugins: 0,
    stopped: new AbortController().signal,
    clock: passing(),
    logger,
    ...overrides,
  };
  return { steps, once: () => runOnce(given) };
}

const untilAborted = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error));
  });

describe('runOnce', () => {
  it('starts, runs one cycle and stops', async () => {
    const { steps, once } = parts();
    await once();
    expect(steps).toEqual(['start', 'cycle', 'stop']);
  });

  it('stops everything if the cycle fails, and fails with its error', async () => {
    const { steps, once } = parts({ cycle: () => Promise.reject(new Error('no reading')) });
    await expect(once()).rejects.toThrow('no reading');
    expect(steps).toEqual(['start', 'stop']);
  });

  it('fails if pollsters could not be loaded, after a cycle of the others', async () => {
    const { steps, once } = parts({ failedPlugins: 2 });
    await expect(once()).rejects.toMatchObject({
      code: 'PLUGINS_FAILED',
      message: expect.stringMatching(/^2 pollsters/) as string,
    });
    expect(steps).toEqual(['start', 'cycle', 'stop']);
  });

  it('ends when a signal stops the program', async () => {
    const stop = new AbortController();
    const { steps, once } = parts({ cycle: untilAborted, stopped: stop.signal });
    const running = once();
    await new Promise(setImmediate);
    stop.abort(new Error('stopped by SIGTERM'));
    await expect(running).rejects.toThrow('stopped by SIGTERM');
    expect(steps).toEqual(['start', 'stop']);
  });

  it('limits the start to 10 s', async () => {
    const hung: Component = { name: 'bus', start: untilAborted, stop: () => Promise.resolve() };
    await expect(parts({ components: [hung], clock: passing(10_000) }).once()).rejects.toMatchObject({
      code: 'ONCE_TIMEOUT',
      message: 'not done within 10 s',
    });
  });

  it('limits the cycle to its own time plus 10 s', async () => {
    const { steps, once } = parts({ cycle: untilAborted, clock: passing(40_000) });
    await expect(once()).rejects.toMatchObject({ code: 'ONCE_TIMEOUT', message: 'not done within 40 s' });
    expect(steps).toEqual(['start', 'stop']);
  });
});
