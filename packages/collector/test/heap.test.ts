import { jest } from '@jest/globals';

import { collectSooner } from '../src/heap.js';

afterEach(() => jest.useRealTimers());

it('has garbage collected sooner from the first call on, until none has come for ten seconds', () => {
  jest.useFakeTimers();
  const flags: string[] = [];
  const set = (flag: string) => void flags.push(flag);
  collectSooner(set);
  jest.advanceTimersByTime(9_000);
  collectSooner(set);
  jest.advanceTimersByTime(9_000);
  expect(flags).toEqual(['--heap-growing-percent=30']);
  jest.advanceTimersByTime(1_000);
  expect(flags).toEqual(['--heap-growing-percent=30', '--heap-growing-percent=0']);
  collectSooner(set);
  expect(flags).toHaveLength(3);
  jest.advanceTimersByTime(10_000);
});
