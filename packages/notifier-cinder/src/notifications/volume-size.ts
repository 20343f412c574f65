import { defineGauge } from '../define-gauge.js';
import { volumes } from '../resources.js';

export default defineGauge(
  volumes,
  { name: 'volume.size', unit: 'GB', description: 'Size of the volume (GiB, which cinder labels GB)' },
  (payload) => payload.amount('size'),
);
