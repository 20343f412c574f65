import { definePollster } from '@nephoscope/core';

/** The instance itself: what is billed by existence, running or not. */
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
    *getCounters({ counter }, instance) {
      yield counter('instance', 1);
      if (instance.flavor !== undefined) yield counter(`instance:${instance.flavor.name}`, 1);
    },
  }),
});
