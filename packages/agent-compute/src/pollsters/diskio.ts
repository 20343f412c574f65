import { isMissing } from '@nephoscope/core';
import type { Meter } from '@nephoscope/core';
import { definePollster } from '@nephoscope/core/pollster';

type Count = 'readBytes' | 'readRequests' | 'writeBytes' | 'writeRequests';

const totals: readonly (Meter & { readonly field: Count })[] = [
  {
    name: 'disk.read.requests',
    type: 'cumulative',
    unit: 'request',
    description: 'Reads from all disks',
    field: 'readRequests',
  },
  {
    name: 'disk.read.bytes',
    type: 'cumulative',
    unit: 'B',
    description: 'Bytes read from all disks',
    field: 'readBytes',
  },
  {
    name: 'disk.write.requests',
    type: 'cumulative',
    unit: 'request',
    description: 'Writes to all disks',
    field: 'writeRequests',
  },
  {
    name: 'disk.write.bytes',
    type: 'cumulative',
    unit: 'B',
    description: 'Bytes written to all disks',
    field: 'writeBytes',
  },
];

/** Totals over an instance's disks, including those it no longer has. If a disk is missing, there is no total. */
export default definePollster({
  meters: totals.map(({ name, type, unit, description }) => ({ name, type, unit, description })),
  reads: ['disks'],
  create: () => ({
    *getCounters({ inspection: { disks } }) {
      for (const { name: meter, field } of totals) {
        const parts = disks.map(({ disk: { device, plugging }, io }) => ({
          key: device,
          plugging,
          volume: isMissing(io) ? io : io[field],
        }));
        yield { meter, parts };
      }
    },
  }),
});
