import { FakeClock } from '@nephoscope/testing';

import { Duty } from '../src/duty.js';

describe('a duty', () => {
  it('is healthy until its time is over, and then reports what has not happened and since when', async () => {
    const clock = new FakeClock();
    const duty = new Duty('no cycle has ended', clock);
    expect(duty.health()).toEqual({ ok: true });
    duty.expect(90_000);
    await clock.advance(90_000);
    expect(duty.health()).toEqual({ ok: true });
    await clock.advance(1);
    expect(duty.health()).toEqual({
      ok: false,
      reason: 'no cycle has ended since 2026-11-22T21:00:00.000Z, which may take 90 s',
      since: '2026-11-22T21:00:00.000Z',
      isStuck: true,
    });
    duty.expect(90_000);
    expect(duty.health()).toEqual({ ok: true });
    await clock.advance(100_000);
    duty.done();
    expect(duty.health()).toEqual({ ok: true });
  });
});
