import { FakeClock } from '@nephoscope/testing';

import { LogLimit } from '../src/log-limit.js';

describe('LogLimit', () => {
  const said: number[] = [];
  const say = (count: number) => void said.push(count);
  let clock: FakeClock;
  beforeEach(() => {
    said.length = 0;
    clock = new FakeClock();
  });

  it('logs the first occurrence at once, and then once a minute for all others', async () => {
    const limit = new LogLimit(clock);
    for (let count = 0; count < 4; count++) limit.log(say);
    expect(said).toEqual([1]);
    await clock.advance(59_000);
    expect(said).toEqual([1]);
    await clock.advance(1_000);
    expect(said).toEqual([1, 3]);
  });

  it('logs nothing more when the condition is over, and starts again', async () => {
    const limit = new LogLimit(clock);
    for (let count = 0; count < 4; count++) limit.log(say);
    expect(limit.over()).toBe(3);
    await clock.advance(120_000);
    expect(said).toEqual([1]);
    limit.log(say);
    expect(said).toEqual([1, 1]);
    expect(limit.over()).toBe(0);
  });
});
