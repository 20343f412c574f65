import { definePollster, isMissing } from '@nephoscope/core';
import type { DiskIo, Meter } from '@nephoscope/core';

type Total = 'readBytes' | 'readRequests' | 'writeBytes' | 'writeRequests';

const totals: readonly (Meter & { readonly field: Total })[] = [
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

/** Sums over an instance's disks. With one disk missing there is no sum: part of it would look like a fall. */
export default definePollster({
  meters: totals.map(({ name, type, unit, description }) => ({ name, type, unit, description })),
  reads: ['disks'],
  create: () => ({
    *getCounters({ counter, inspection, missing }) {
      const read: DiskIo[] = [];
      for (const { io } of inspection.disks) {
        if (isMissing(io)) {
          for (const { name } of totals) missing(name, io);
          return;
        }
        read.push(io);
      }
      for (const { name, field } of totals) {
        yield counter(
          name,
          read.reduce((sum, io) => sum + io[field], 0n),
        );
      }
    },
  }),
});
