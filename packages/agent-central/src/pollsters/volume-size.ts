import type { MetadataValue } from '@nephoscope/core';
import { defineCentralPollster } from '@nephoscope/core/pollster';

import { listedCounters } from '../listed-counters.js';
import { volumeList } from '../volume-list.js';

const meter = { name: 'volume.size', type: 'gauge', unit: 'GB', description: 'Size of the volume' } as const;

const described = [
  'name',
  'status',
  'size',
  'volume_type',
  'availability_zone',
  'os-vol-host-attr:host',
  'migration_status',
  'attachments',
  'snapshot_id',
  'source_volid',
] as const;

/** Volumes of cinder, in gibibytes, which cinder calls GB. */
export default defineCentralPollster({
  meters: [meter],
  create: () => ({
    getCounters: (cloud) =>
      listedCounters(cloud.list(volumeList('volumes')), meter, (volume) => ({
        volume: volume.amount('size'),
        projectId: volume.optionalText('os-vol-tenant-attr:tenant_id'),
        userId: volume.optionalText('user_id'),
        metadata: {
          ...volume.pick(described),
          image_id: inside(volume.value('volume_image_metadata'), 'image_id'),
          instance_id: inside(firstOf(volume.value('attachments')), 'server_id'),
        },
      })),
  }),
});

function firstOf(value: MetadataValue): MetadataValue {
  return Array.isArray(value) ? ((value as readonly MetadataValue[])[0] ?? null) : null;
}

function inside(value: MetadataValue, key: string): MetadataValue {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return null;
  return (value as Readonly<Record<string, MetadataValue>>)[key] ?? null;
}
