import { flavorEvents } from '../event-types.js';
import { defineInstanceMeter } from '../instance-meter.js';

export default defineInstanceMeter({
  meter: { name: 'vcpus', type: 'gauge', unit: 'vcpu', description: 'Virtual CPUs of the flavor' },
  events: flavorEvents,
  volume: ({ flavor }) => flavor.amount('vcpus'),
});
