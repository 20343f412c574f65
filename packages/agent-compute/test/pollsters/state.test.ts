import type { PowerState } from '@nephoscope/core/instance';
import { instanceReading, pollCounters, shutOffReading } from '@nephoscope/testing';

import instance from '../../src/pollsters/instance.js';
import powerState from '../../src/pollsters/power-state.js';
import { volumes } from './volumes.js';

it('counts the instance, and again by its flavor', async () => {
  const reading = instanceReading();
  const { counters } = await pollCounters(instance, reading);
  expect(
    counters.map(({ name, type, unit, volume, resourceId }) => [name, type, unit, volume, resourceId]),
  ).toEqual([
    ['instance', 'gauge', 'instance', 1, reading.instance.id],
    ['instance:m1.small', 'gauge', 'instance', 1, reading.instance.id],
  ]);
});

it('counts an instance of unknown flavor once', async () => {
  const { counters } = await pollCounters(instance, instanceReading({ instance: { flavor: undefined } }));
  expect(volumes(counters)).toEqual({ instance: 1 });
});

it('accepts a flavor of any name', async () => {
  const { counters } = await pollCounters(
    instance,
    instanceReading({ instance: { flavor: { name: 'größe: 1 / a.b' } } }),
  );
  expect(counters[1]?.name).toBe('instance:größe: 1 / a.b');
});

it('counts an instance that is shut off', async () => {
  expect(volumes((await pollCounters(instance, shutOffReading())).counters)).toEqual({
    instance: 1,
    'instance:m1.small': 1,
  });
  expect(volumes((await pollCounters(powerState, shutOffReading())).counters)).toEqual({ 'power.state': 5 });
});

it.each<[PowerState, number]>([
  ['nostate', 0],
  ['running', 1],
  ['blocked', 2],
  ['paused', 3],
  ['shutdown', 4],
  ['shutoff', 5],
  ['crashed', 6],
  ['pmsuspended', 7],
])("has libvirt's number for the state %s: %i", async (state, number) => {
  const { counters } = await pollCounters(powerState, instanceReading({ instance: { state } }));
  expect(counters).toHaveLength(1);
  expect(counters[0]).toMatchObject({ name: 'power.state', type: 'gauge', unit: '', volume: number });
});
