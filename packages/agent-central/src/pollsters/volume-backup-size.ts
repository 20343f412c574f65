import { defineCentralPollster } from '@nephoscope/core/pollster';

import { listedCounters } from '../listed-counters.js';
import { volumeList } from '../volume-list.js';

const meter = {
  name: 'volume.backup.size',
  type: 'gauge',
  unit: 'GB',
  description: 'Size of the volume that the backup is of',
} as const;

const described = ['name', 'volume_id', 'status', 'size', 'object_count', 'container', 'description'] as const;

/** Backups of volumes. */
export default defineCentralPollster({
  meters: [meter],
  create: () => ({
    getCounters: (cloud) =>
      // 3.18: includes the project.
      listedCounters(cloud.list(volumeList('backups', '3.18')), meter, (backup) => ({
        volume: backup.amount('size'),
        projectId: backup.optionalText('os-backup-project-attr:project_id'),
        userId: backup.optionalText('user_id'),
        metadata: backup.pick(described),
      })),
  }),
});
