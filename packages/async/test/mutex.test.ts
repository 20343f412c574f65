import { setImmediate as nextTurn } from 'node:timers/promises';

import { Mutex } from '../src/mutex.js';

describe('Mutex', () => {
  it('runs one work after the other, in the order in which they asked', async () => {
    const mutex = new Mutex();
    const seen: string[] = [];
    const work = (name: string) => async () => {
      seen.push(`${name} begins`);
      await nextTurn();
      seen.push(`${name} ends`);
      return name;
    };
    await expect(Promise.all([mutex.run(work('a')), mutex.run(work('b'))])).resolves.toEqual(['a', 'b']);
    expect(seen).toEqual(['a begins', 'a ends', 'b begins', 'b ends']);
  });

  it('returns a failure to its caller, and continues', async () => {
    const mutex = new Mutex();
    const failing = mutex.run(() => Promise.reject(new Error('no')));
    const next = mutex.run(() => Promise.resolve('yes'));
    await expect(failing).rejects.toThrow('no');
    await expect(next).resolves.toBe('yes');
  });
});
