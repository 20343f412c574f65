import { setImmediate as nextTurn } from 'node:timers/promises';

import { Mutex } from '../src/mutex.js';

describe('Mutex', () => {
  it('runs tasks one after another, in the order of the calls', async () => {
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

  it('rejects the caller of a task that fails, and continues', async () => {
    const mutex = new Mutex();
    const failing = mutex.run(() => Promise.reject(new Error('no')));
    const next = mutex.run(() => Promise.resolve('yes'));
    await expect(failing).rejects.toThrow('no');
    await expect(next).resolves.toBe('yes');
  });
});
