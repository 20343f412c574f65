import type { Meter } from '@nephoscope/core';
import type { MemoryReading } from '@nephoscope/core/instance';
import { definePollster } from '@nephoscope/core/pollster';

/** A double represents every multiple of 1/1024 below 2^43 exactly, so no figure of a real machine is rounded. */
const mebibytes = (kibibytes: bigint): number => Number(kibibytes) / 1024;

const figures: readonly (Meter & {
  readonly field: keyof MemoryReading;
  readonly convert: (value: bigint) => number | bigint;
})[] = [
  {
    name: 'memory.usage',
    type: 'gauge',
    unit: 'MB',
    description: 'Memory (MiB, which Ceilometer labels MB) in use by the guest’s own account (balloon driver)',
    field: 'usedKib',
    convert: mebibytes,
  },
  {
    name: 'memory.resident',
    type: 'gauge',
    unit: 'MB',
    description: 'Memory of the host that the instance occupies',
    field: 'residentKib',
    convert: mebibytes,
  },
  {
    name: 'memory.swap.in',
    type: 'cumulative',
    unit: 'MB',
    description: 'Memory the guest swapped in',
    field: 'swapInKib',
    convert: mebibytes,
  },
  {
    name: 'memory.swap.out',
    type: 'cumulative',
    unit: 'MB',
    description: 'Memory the guest swapped out',
    field: 'swapOutKib',
    convert: mebibytes,
  },
  {
    name: 'memory.bandwidth.total',
    type: 'gauge',
    unit: 'B/s',
    description: 'Traffic between L3 cache and memory',
    field: 'bandwidthTotal',
    convert: (value) => value,
  },
  {
    name: 'memory.bandwidth.local',
    type: 'gauge',
    unit: 'B/s',
    description: 'Traffic between L3 cache and the memory of the same node',
    field: 'bandwidthLocal',
    convert: (value) => value,
  },
];

const notReported = { missing: 'unsupported', detail: 'the hypervisor or the guest does not report it' } as const;

export default definePollster({
  meters: figures.map(({ name, type, unit, description }) => ({ name, type, unit, description })),
  reads: ['memory'],
  create: () => ({
    *getCounters({ inspection: { memory } }) {
      for (const { name: meter, field, convert } of figures) {
        const value = memory[field] ?? notReported;
        yield { meter, volume: typeof value === 'bigint' ? convert(value) : value };
      }
    },
  }),
});
