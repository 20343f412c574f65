import { flavorEvents } from '../event-types.js';
import { defineInstanceMeter } from '../instance-meter.js';

export default defineInstanceMeter({
  meter: {
    name: 'disk.ephemeral.size',
    type: 'gauge',
    unit: 'GB',
    description: 'Ephemeral disks (GiB, which Ceilometer labels GB) of the flavor',
  },
  events: flavorEvents,
  volume: ({ flavor }) => flavor.amount('ephemeral_gb'),
});
