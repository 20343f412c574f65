import { defineCentralPollster } from '@nephoscope/core/pollster';

import { listedCounters } from '../listed-counters.js';
import { volumeList } from '../volume-list.js';

const meter = {
  name: 'volume.snapshot.size',
  type: 'gauge',
  unit: 'GB',
  description: 'Size of the volume that the snapshot is of',
} as const;

const described = [
  'name',
  'volume_id',
  'status',
  'size',
  'description',
  'metadata',
  'os-extended-snapshot-attributes:progress',
] as const;

/** Snapshots of volumes. */
export default defineCentralPollster({
  meters: [meter],
  create: () => ({
    getCounters: (cloud) =>
      // 3.41: includes the user.
      listedCounters(cloud.list(volumeList('snapshots', '3.41')), meter, (snapshot) => ({
        volume: snapshot.amount('size'),
        projectId: snapshot.optionalText('os-extended-snapshot-attributes:project_id'),
        userId: snapshot.optionalText('user_id'),
        metadata: snapshot.pick(described),
      })),
  }),
});
