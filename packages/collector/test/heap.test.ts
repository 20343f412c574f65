import { readFileSync } from 'node:fs';

import { jest } from '@jest/globals';

import { collectSooner } from '../src/heap.js';

afterEach(() => jest.useRealTimers());

const script = readFileSync(new URL('../bin/nephoscope-collector', import.meta.url), 'utf8');
const options = /^exec node ((?:--\S+ )+)/m.exec(script)![1]!.trim().split(' ');

it.each([
  ["the start script's setting", options, '--heap-growing-percent=60'],
  ["V8's default", [], '--heap-growing-percent=0'],
])(
  'collects garbage more often until no large message has arrived for ten seconds, then by %s',
  (_, args, usual) => {
    jest.useFakeTimers();
    const flags: string[] = [];
    const set = (flag: string) => void flags.push(flag);
    collectSooner(set, args);
    jest.advanceTimersByTime(9_000);
    collectSooner(set, args);
    jest.advanceTimersByTime(9_000);
    expect(flags).toEqual(['--heap-growing-percent=30']);
    jest.advanceTimersByTime(1_000);
    expect(flags).toEqual(['--heap-growing-percent=30', usual]);
    collectSooner(set, args);
    expect(flags).toHaveLength(3);
    jest.advanceTimersByTime(10_000);
  },
);
