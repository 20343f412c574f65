import { FakeClock } from '@nephoscope/testing';

import { deadline } from '../src/deadline.js';
import { orAborted } from '../src/or-aborted.js';

const late = new Error('late');
const stopped = new Error('stopped');

describe('deadline', () => {
  it('aborts after its time with the given reason', async () => {
    const clock = new FakeClock();
    const { signal } = deadline(clock, 1_000, late);
    await clock.advance(999);
    expect(signal.aborted).toBe(false);
    await clock.advance(1);
    expect(signal.reason).toBe(late);
  });

  it('aborts with the reason of its signal if that is aborted first, or was aborted before', async () => {
    const clock = new FakeClock();
    const stop = new AbortController();
    const { signal } = deadline(clock, 1_000, late, new AbortController().signal, stop.signal);
    stop.abort(stopped);
    expect(signal.reason).toBe(stopped);
    expect(deadline(clock, 1_000, late, stop.signal).signal.reason).toBe(stopped);
    await clock.advance(1_000);
    expect(signal.reason).toBe(stopped);
  });

  it('leaves no timer once it was ended', async () => {
    const clock = new FakeClock();
    const { signal, end } = deadline(clock, 1_000, late);
    end();
    await clock.advance(1_000);
    expect(signal.aborted).toBe(true);
    expect(signal.reason).not.toBe(late);
  });
});

describe('orAborted', () => {
  const never = new AbortController().signal;

  it('settles as the promise does', async () => {
    await expect(orAborted(Promise.resolve(1), never)).resolves.toBe(1);
    await expect(orAborted(Promise.reject(late), never)).rejects.toBe(late);
  });

  it("rejects with the reason of an abort, now or later, whatever the promise's outcome", async () => {
    const stop = new AbortController();
    let fail: (error: Error) => void = () => undefined;
    const waiting = orAborted(new Promise((_, reject) => (fail = reject)), stop.signal);
    stop.abort(stopped);
    // Nobody awaits it, but it must not be an unhandled rejection.
    fail(late);
    await expect(waiting).rejects.toBe(stopped);
    await expect(orAborted(Promise.reject(late), stop.signal)).rejects.toBe(stopped);
  });
});
