import { defineGauge } from '../define-gauge.js';
import { backups } from '../resources.js';

export default defineGauge(
  backups,
  {
    name: 'backup.size',
    unit: 'GB',
    description: 'Size of the volume (GiB, which cinder labels GB) when the backup was made of it',
  },
  (payload) => payload.amount('size'),
);
