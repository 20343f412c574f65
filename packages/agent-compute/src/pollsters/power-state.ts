import type { PowerState } from '@nephoscope/core/instance';
import { definePollster } from '@nephoscope/core/pollster';

/** libvirt's virDomainState, the numbers that Ceilometer records. */
const numbers: Readonly<Record<PowerState, number>> = {
  nostate: 0,
  running: 1,
  blocked: 2,
  paused: 3,
  shutdown: 4,
  shutoff: 5,
  crashed: 6,
  pmsuspended: 7,
};

export default definePollster({
  meters: [
    {
      name: 'power.state',
      type: 'gauge',
      unit: '',
      description: "The instance's state as libvirt numbers it: 1 running, 3 paused, 5 shut off",
    },
  ],
  reads: [],
  create: () => ({
    *getCounters({ instance }) {
      yield { meter: 'power.state', volume: numbers[instance.state] };
    },
  }),
});
