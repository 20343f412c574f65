import { stateEvents } from '../event-types.js';
import { defineInstanceMeter } from '../instance-meter.js';

export default defineInstanceMeter({
  meter: {
    name: 'instance',
    type: 'gauge',
    unit: 'instance',
    description: 'The instance exists, in the state that the metadata says',
  },
  events: stateEvents,
  volume: () => 1,
});
