import type { Counter, CounterType } from '@nephoscope/core';
import { exampleInstance } from '@nephoscope/testing';

import { Epochs } from '../src/epochs.js';

const day = 24 * 3_600_000;

function counter(
  volume: number | bigint,
  { name = 'cpu', resourceId = 'disk-a', type = 'cumulative' as CounterType } = {},
): Counter {
  return {
    name,
    type,
    unit: 'ns',
    volume,
    userId: null,
    projectId: null,
    resourceId,
    timestamp: 0n,
    resourceMetadata: {},
  };
}

const inRun = (run: string | undefined, id = 'one') => exampleInstance({ id, run });
const reloaded = (epochs: Epochs) =>
  new Epochs(JSON.parse(JSON.stringify(epochs)) as ReturnType<Epochs['toJSON']>);

it('is the run while the value does not fall', () => {
  const epochs = new Epochs();
  expect([5n, 5n, 9n].map((value) => epochs.of(counter(value), inRun('r1'), 0))).toEqual(['r1', 'r1', 'r1']);
});

it('is the new run after a restart, whatever the value', () => {
  const epochs = new Epochs();
  expect(epochs.of(counter(100n), inRun('r1'), 0)).toBe('r1');
  expect(epochs.of(counter(500n), inRun('r2'), 0)).toBe('r2');
});

it('counts the falls within a run, for each series by itself', () => {
  const epochs = new Epochs();
  const instance = inRun('r1');
  const other = { resourceId: 'disk-b' };
  epochs.of(counter(100n), instance, 0);
  epochs.of(counter(100n, other), instance, 0);
  expect(epochs.of(counter(99n), instance, 0)).toBe('r1+1');
  expect(epochs.of(counter(200n), instance, 0)).toBe('r1+1');
  expect(epochs.of(counter(0n), instance, 0)).toBe('r1+2');
  expect(epochs.of(counter(101n, other), instance, 0)).toBe('r1');
  expect(epochs.of(counter(1n), inRun('r2'), 0)).toBe('r2');
});

it('sees a fall of one beyond 2^53', () => {
  const epochs = new Epochs();
  epochs.of(counter(2n ** 63n + 1n), inRun('r1'), 0);
  expect(reloaded(epochs).of(counter(2n ** 63n), inRun('r1'), 0)).toBe('r1+1');
});

it('compares integers with fractions', () => {
  const epochs = new Epochs();
  epochs.of(counter(2.5), inRun('r1'), 0);
  const restarted = reloaded(epochs);
  expect(restarted.of(counter(3n), inRun('r1'), 0)).toBe('r1');
  expect(restarted.of(counter(2.75), inRun('r1'), 0)).toBe('r1+1');
});

it('keeps epochs over a restart of the agent, and sees what fell meanwhile', () => {
  const epochs = new Epochs();
  epochs.of(counter(10n), inRun('r1'), 0);
  epochs.of(counter(5n), inRun('r1'), 0);
  expect(reloaded(epochs).of(counter(6n), inRun('r1'), 0)).toBe('r1+1');
  expect(reloaded(epochs).of(counter(4n), inRun('r1'), 0)).toBe('r1+2');
  expect(reloaded(epochs).of(counter(7n), inRun('r2'), 0)).toBe('r2');
});

it('has none for other types, and none without a run', () => {
  const epochs = new Epochs();
  expect(epochs.of(counter(1n, { type: 'gauge' }), inRun('r1'), 0)).toBeUndefined();
  expect(epochs.of(counter(1n, { type: 'delta' }), inRun('r1'), 0)).toBeUndefined();
  expect(epochs.of(counter(1n), inRun(undefined), 0)).toBeUndefined();
});

it.each([NaN, Infinity, -Infinity])('is not led astray by %p', (garbage) => {
  const epochs = new Epochs();
  epochs.of(counter(10n), inRun('r1'), 0);
  epochs.of(counter(garbage), inRun('r1'), 0);
  expect(epochs.of(counter(11n), inRun('r1'), 0)).toBe('r1');
});

it('forgets an instance that was not seen for a month', () => {
  const epochs = new Epochs();
  epochs.of(counter(10n), inRun('r1', 'gone'), 0);
  epochs.of(counter(10n), inRun('r1', 'here'), 20 * day);
  epochs.forgetUnseen(31 * day);
  expect(Object.keys(epochs.toJSON())).toEqual(['here']);
});

it('is another one when an instance that was off comes back in a run of the same name, also over a restart of the agent', () => {
  const epochs = new Epochs();
  expect(epochs.of(counter(5), inRun('r'), 0)).toBe('r');
  expect(epochs.of(counter(1, { name: 'instance', type: 'gauge' }), inRun(undefined), 0)).toBeUndefined();
  const after = reloaded(epochs);
  expect(after.of(counter(9), inRun('r'), 0)).toBe('r.1');
  expect(after.of(counter(8), inRun('r'), 0)).toBe('r.1+1');
  expect(after.of(counter(8), inRun('s'), 0)).toBe('s');
});
