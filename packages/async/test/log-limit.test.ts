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

  it('says the first at once, and then one a minute for all that came', async () => {
    const limit = new LogLimit(clock);
    for (let count = 0; count < 4; count++) limit.log(say);
    expect(said).toEqual([1]);
    await clock.advance(59_000);
    expect(said).toEqual([1]);
    await clock.advance(1_000);
    expect(said).toEqual([1, 3]);
  });

  it('says nothing any more of what is over, and begins anew', async () => {
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
