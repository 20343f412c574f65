import { stateEvents } from '../event-types.js';
import { defineInstanceMeter } from '../instance-meter.js';

export default defineInstanceMeter({
  meter: {
    name: 'instance:<flavor>',
    type: 'gauge',
    unit: 'instance',
    description: 'The instance exists and is of this flavor',
  },
  events: stateEvents,
  volume: () => 1,
  variablePart: ({ flavorName }) => flavorName(),
});
