import { definePollster } from '@nephoscope/core/pollster';

/** The instance itself, for billing by existence, running or not. */
export default definePollster({
  meters: [
    { name: 'instance', type: 'gauge', unit: 'instance', description: 'The instance exists' },
    {
      name: 'instance:<flavor>',
      type: 'gauge',
      unit: 'instance',
      description: 'The instance exists and is of this flavor',
    },
  ],
  reads: [],
  create: () => ({
    *getCounters({ instance: { flavor } }) {
      yield { meter: 'instance', volume: 1 };
      if (flavor !== undefined) yield { meter: `instance:${flavor.name}`, volume: 1 };
    },
  }),
});
