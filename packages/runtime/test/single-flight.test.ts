import { singleFlight } from '../src/single-flight.js';
import { ticks } from './ticks.js';

function flights() {
  const runs: (readonly string[])[] = [];
  const skipped: (readonly string[])[] = [];
  const ends: (() => void)[] = [];
  const take = singleFlight<string>(
    (due) => {
      runs.push(due);
      return new Promise((resolve) => ends.push(resolve));
    },
    (late) => skipped.push(late),
  );
  return { take, runs, skipped, endFirst: () => ends.shift()?.() };
}

it('skips a group whose cycle is still running, and runs it again after that', async () => {
  const { take, runs, skipped, endFirst } = flights();
  take(['a']);
  take(['a']);
  take(['a']);
  expect({ runs, skipped }).toEqual({ runs: [['a']], skipped: [['a'], ['a']] });
  endFirst();
  await ticks();
  expect(runs).toEqual([['a']]);
  take(['a']);
  expect(runs).toEqual([['a'], ['a']]);
});

it('runs a group that became due while others ran, once, right after them', async () => {
  const { take, runs, skipped, endFirst } = flights();
  take(['a']);
  take(['a', 'b']);
  take(['b']);
  take(['c']);
  expect({ runs, skipped }).toEqual({ runs: [['a']], skipped: [['a'], ['b']] });
  endFirst();
  await ticks();
  expect(runs).toEqual([['a'], ['b', 'c']]);
  take(['a']);
  endFirst();
  await ticks();
  expect(runs).toEqual([['a'], ['b', 'c'], ['a']]);
});
