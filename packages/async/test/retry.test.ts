import { setImmediate as tick } from 'node:timers/promises';

import { jest } from '@jest/globals';
import { isPermanentError, NephoscopeError, PermanentError } from '@nephoscope/core';
import { FakeClock } from '@nephoscope/testing';

import { retry } from '../src/retry.js';

// Pauses are randomised; this makes each one as long as it can be.
beforeEach(() => void jest.spyOn(Math, 'random').mockReturnValue(1));
afterEach(() => jest.restoreAllMocks());

/** Lets pending callbacks of the event loop run. */
async function ticks(): Promise<void> {
  for (let i = 0; i < 5; i += 1) await tick();
}

function begin(results: readonly (Error | string)[], isFinal: (error: unknown) => boolean = isPermanentError) {
  const clock = new FakeClock();
  const stopping = new AbortController();
  const failures: (readonly [string, number, number])[] = [];
  const left = [...results];
  let tries = 0;
  const work = () => {
    tries += 1;
    const result = left.shift() ?? 'done';
    return result instanceof Error ? Promise.reject(result) : Promise.resolve(result);
  };
  const settled = retry(work, {
    ...{ clock, signal: stopping.signal, first: 100, longest: 300 },
    onFailure: (error, pause, count) => failures.push([(error as Error).message, pause, count]),
    isFinal,
  });
  settled.catch(() => undefined);
  return { clock, failures, settled, stopping, tries: () => tries };
}

const away = new NephoscopeError('BUS_UNAVAILABLE', 'away');

it('retries with pauses that double up to the maximum', async () => {
  const { clock, failures, settled, tries } = begin([away, new TypeError('odd'), away, away, 'there']);
  for (const [index, pause] of [100, 200, 300, 300].entries()) {
    await ticks();
    expect(failures[index]).toEqual([index === 1 ? 'odd' : 'away', pause, index + 1]);
    await clock.advance(pause - 1);
    expect(tries()).toBe(index + 1);
    await clock.advance(1);
  }
  expect(await settled).toBe('there');
});

it('fails with a permanent error', async () => {
  const permanent = new PermanentError('BUS_REFUSED', 'no such user');
  const { failures, settled } = begin([permanent]);
  await expect(settled).rejects.toBe(permanent);
  expect(failures).toEqual([]);
});

it('fails only with errors that the caller names, if it names any', async () => {
  const final = new Error('final');
  const { clock, settled, tries } = begin(
    [new PermanentError('STORE_INVALID', 'damaged'), final],
    (e) => e === final,
  );
  await ticks();
  await clock.advance(100);
  await expect(settled).rejects.toBe(final);
  expect(tries()).toBe(2);
});

it('fails with the reason of the signal, in a pause or after an attempt, and always makes one attempt', async () => {
  const { clock, settled, stopping } = begin([away, away]);
  await ticks();
  stopping.abort(new Error('stopped'));
  await expect(settled).rejects.toThrow('stopped');
  expect(clock.sleepers).toBe(0);

  let tries = 0;
  const signal = AbortSignal.abort(new Error('too late'));
  const once = (result: () => Promise<string>) =>
    retry(() => ((tries += 1), result()), {
      clock,
      signal,
      first: 1,
      longest: 1,
      onFailure: () => undefined,
      isFinal: isPermanentError,
    });
  expect(await once(() => Promise.resolve('done'))).toBe('done');
  await expect(once(() => Promise.reject(away))).rejects.toThrow('too late');
  expect(tries).toBe(2);
});
