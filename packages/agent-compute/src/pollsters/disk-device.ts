import { isMissing } from '@nephoscope/core';
import type { Meter } from '@nephoscope/core';
import type { DiskIo, DiskSize } from '@nephoscope/core/instance';
import { definePollster } from '@nephoscope/core/pollster';

const counts: readonly (Meter & { readonly field: keyof DiskIo })[] = [
  {
    name: 'disk.device.read.requests',
    type: 'cumulative',
    unit: 'request',
    description: 'Reads from the disk',
    field: 'readRequests',
  },
  {
    name: 'disk.device.read.bytes',
    type: 'cumulative',
    unit: 'B',
    description: 'Bytes read from the disk',
    field: 'readBytes',
  },
  {
    name: 'disk.device.read.latency',
    type: 'cumulative',
    unit: 'ns',
    description: 'Time spent in reads from the disk',
    field: 'readTimeNs',
  },
  {
    name: 'disk.device.write.requests',
    type: 'cumulative',
    unit: 'request',
    description: 'Writes to the disk',
    field: 'writeRequests',
  },
  {
    name: 'disk.device.write.bytes',
    type: 'cumulative',
    unit: 'B',
    description: 'Bytes written to the disk',
    field: 'writeBytes',
  },
  {
    name: 'disk.device.write.latency',
    type: 'cumulative',
    unit: 'ns',
    description: 'Time spent in writes to the disk',
    field: 'writeTimeNs',
  },
];

const sizes: readonly (Meter & { readonly field: keyof DiskSize })[] = [
  {
    name: 'disk.device.capacity',
    type: 'gauge',
    unit: 'B',
    description: 'Size of the disk as the guest sees it',
    field: 'capacity',
  },
  {
    name: 'disk.device.allocation',
    type: 'gauge',
    unit: 'B',
    description: 'What the disk occupies on the host, without holes in its image (as `du` counts)',
    field: 'allocation',
  },
  {
    name: 'disk.device.usage',
    type: 'gauge',
    unit: 'B',
    description: 'Size of the image or device on the host that contains the disk, with holes (as `ls` shows)',
    field: 'physical',
  },
];

const notReported = { missing: 'unsupported', detail: 'not reported for this disk' } as const;

export default definePollster({
  meters: [...counts, ...sizes].map(({ name, type, unit, description }) => ({ name, type, unit, description })),
  reads: ['disks'],
  create: () => ({
    *getCounters({ instance, inspection }) {
      for (const { disk, io, size } of inspection.disks) {
        const resourceId = `${instance.id}-${disk.device}`;
        const metadata = { disk_name: disk.device, instance_id: instance.id };
        for (const { name: meter, field } of counts) {
          const volume = isMissing(io) ? io : (io[field] ?? notReported);
          yield { meter, volume, resourceId, metadata, plugging: disk.plugging };
        }
        for (const { name: meter, field } of sizes) {
          const volume = isMissing(size) ? size : (size[field] ?? notReported);
          yield { meter, volume, resourceId, metadata };
        }
      }
    },
  }),
});
