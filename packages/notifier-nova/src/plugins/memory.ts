import { flavorEvents } from '../event-types.js';
import { defineInstanceMeter } from '../instance-meter.js';

export default defineInstanceMeter({
  meter: {
    name: 'memory',
    type: 'gauge',
    unit: 'MB',
    description: 'Memory (MiB, which Ceilometer labels MB) of the flavor',
  },
  events: flavorEvents,
  volume: ({ flavor }) => flavor.amount('memory_mb'),
});
