import { instanceReading, pollCounters } from '@nephoscope/testing';

import memory from '../../src/pollsters/memory.js';
import { volumes } from './volumes.js';

it('reports sizes in MiB, which Ceilometer calls MB, and bandwidth in bytes', async () => {
  const { counters, missing } = await pollCounters(
    memory,
    instanceReading({
      memory: {
        usedKib: 524_288n,
        residentKib: 1_537n,
        swapInKib: 2_048n,
        swapOutKib: 1n,
        bandwidthTotal: 2n ** 60n + 1n,
        bandwidthLocal: 5n,
      },
    }),
  );
  expect(missing).toEqual([]);
  expect(volumes(counters)).toEqual({
    'memory.usage': 512,
    'memory.resident': 1.5009765625,
    'memory.swap.in': 2,
    'memory.swap.out': 0.0009765625,
    'memory.bandwidth.total': 2n ** 60n + 1n,
    'memory.bandwidth.local': 5n,
  });
  expect(memory.meters.map(({ name, type, unit }) => `${name} ${type} ${unit}`)).toEqual([
    'memory.usage gauge MB',
    'memory.resident gauge MB',
    'memory.swap.in cumulative MB',
    'memory.swap.out cumulative MB',
    'memory.bandwidth.total gauge B/s',
    'memory.bandwidth.local gauge B/s',
  ]);
});

it('reports impossible values from a guest as missing, without affecting other figures', async () => {
  const reason = { missing: 'error', detail: 'more is free than there is' } as const;
  const { counters, missing } = await pollCounters(memory, instanceReading({ memory: { usedKib: reason } }));
  expect(Object.keys(volumes(counters))).not.toContain('memory.usage');
  expect(counters).toHaveLength(memory.meters.length - 1);
  expect(missing).toMatchObject([{ meter: 'memory.usage', reason }]);
});

it('states which figures are missing', async () => {
  const { counters, missing } = await pollCounters(
    memory,
    instanceReading({ memory: { usedKib: undefined, bandwidthTotal: undefined, bandwidthLocal: undefined } }),
  );
  expect(Object.keys(volumes(counters))).toEqual(['memory.resident', 'memory.swap.in', 'memory.swap.out']);
  expect(missing.map(({ meter, reason }) => `${meter} ${reason.missing}`)).toEqual([
    'memory.usage unsupported',
    'memory.bandwidth.total unsupported',
    'memory.bandwidth.local unsupported',
  ]);
});
