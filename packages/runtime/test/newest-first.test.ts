import { FakeClock } from '@nephoscope/testing';

import { NewestFirst } from '../src/newest-first.js';

function waiting() {
  const clock = new FakeClock();
  let dropped = 0;
  const queue = new NewestFirst<number>(
    { most: 3, maxAge: 1_000, onDropped: (count) => (dropped += count) },
    clock,
  );
  const taken = () => Array.from({ length: 5 }, () => queue.take());
  return { clock, queue, taken, dropped: () => dropped };
}

it('returns the newest first and drops the oldest if there are too many', () => {
  const { dropped, queue, taken } = waiting();
  for (const number of [1, 2, 3, 4, 5]) queue.add(`${number}`, number);
  expect([queue.size, queue.has('5'), queue.has('2'), dropped()]).toEqual([3, true, false, 2]);
  expect(taken()).toEqual([5, 4, 3, undefined, undefined]);
});

it('keeps the newest item of each key', () => {
  const { dropped, queue, taken } = waiting();
  queue.add('a', 1);
  queue.add('b', 2);
  queue.add('a', 3);
  queue.delete('c');
  expect(taken()).toEqual([3, 2, undefined, undefined, undefined]);
  expect(dropped()).toBe(0);
});

it('drops items that have waited too long', async () => {
  const { clock, dropped, queue, taken } = waiting();
  queue.add('a', 1);
  await clock.advance(600);
  queue.add('b', 2);
  await clock.advance(600);
  queue.add('c', 3);
  expect(taken()).toEqual([3, 2, undefined, undefined, undefined]);
  expect(dropped()).toBe(1);
});
