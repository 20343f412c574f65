import type { Instance, Metadata, Meter } from '@nephoscope/core';

import { createCounterMaker } from '../src/index.js';

const instance = {
  id: 'one',
  userId: 'u',
  projectId: 'p',
} as unknown as Instance;
const metadata: Metadata = Object.freeze({ name: 'one' });
const meters: readonly Meter[] = [
  { name: 'disk.read.bytes', type: 'cumulative', unit: 'B', description: 'read' },
  { name: 'disk.fill', type: 'gauge', unit: '%', description: 'full' },
];
const { counter, total } = createCounterMaker(meters, () => metadata)(instance, 7n);
const parts = [
  { key: 'vda', volume: 1n, plugging: ['3'] },
  { key: 'vdb', volume: { missing: 'busy', detail: 'stuck' } as const },
];

it('makes counters as the table declares them', () => {
  expect(counter('disk.read.bytes', 5n, { resourceId: 'one-vda', plugging: ['3'] })).toEqual({
    name: 'disk.read.bytes',
    type: 'cumulative',
    unit: 'B',
    volume: 5n,
    userId: 'u',
    projectId: 'p',
    resourceId: 'one-vda',
    timestamp: 7n,
    resourceMetadata: { name: 'one' },
    plugging: ['3'],
  });
  expect(() => counter('disk.write.bytes', 1)).toThrow("'disk.write.bytes' is not in the plugin's table");
});

it('makes totals of parts, that keep them', () => {
  const made = total('disk.read.bytes', parts, { whole: 9n });
  expect(made).toMatchObject({ name: 'disk.read.bytes', resourceId: 'one', timestamp: 7n, parts, whole: 9n });
  expect(made).not.toHaveProperty('volume');
});

it('makes no total of what is none', () => {
  expect(() => total('disk.fill', parts)).toThrow('only cumulative meters have totals');
  expect(() => total('disk.read.bytes', [...parts, { key: 'vda', volume: 2n }])).toThrow('one key');
  expect(() => total('disk.write.bytes', parts)).toThrow('not in the plugin');
});
