import { flavorEvents } from '../event-types.js';
import { defineInstanceMeter } from '../instance-meter.js';

export default defineInstanceMeter({
  meter: {
    name: 'disk.root.size',
    type: 'gauge',
    unit: 'GB',
    description: 'Root disk (GiB, which Ceilometer labels GB) of the flavor',
  },
  events: flavorEvents,
  volume: ({ flavor }) => flavor.amount('root_gb'),
});
