import { defineGauge } from '../define-gauge.js';
import { snapshots } from '../resources.js';

export default defineGauge(
  snapshots,
  {
    name: 'snapshot.size',
    unit: 'GB',
    description: 'Size of the volume (GiB, which cinder labels GB) when the snapshot was made of it',
  },
  (payload) => payload.amount('volume_size'),
);
