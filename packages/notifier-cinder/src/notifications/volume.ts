import { defineGauge } from '../define-gauge.js';
import { volumes } from '../resources.js';

export default defineGauge(
  volumes,
  { name: 'volume', unit: 'volume', description: 'Existence of the volume' },
  () => 1,
);
