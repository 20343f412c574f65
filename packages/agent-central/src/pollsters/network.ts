import { defineCentralPollster } from '@nephoscope/core/pollster';

import { listedCounters } from '../listed-counters.js';
import { networkList, projectOf } from '../network-list.js';

const meter = { name: 'network', type: 'gauge', unit: 'network', description: 'The network exists' } as const;

const described = ['status', 'subnets', 'name', 'router:external', 'admin_state_up', 'shared'] as const;

/** Networks by their existence. */
export default defineCentralPollster({
  meters: [meter],
  create: () => ({
    getCounters: (cloud) =>
      listedCounters(cloud.list(networkList('networks')), meter, (item) => ({
        projectId: projectOf(item),
        metadata: item.pick(described),
      })),
  }),
});
