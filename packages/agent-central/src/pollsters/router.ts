import { defineCentralPollster } from '@nephoscope/core/pollster';

import { listedCounters } from '../listed-counters.js';
import { networkList, projectOf } from '../network-list.js';

const meter = { name: 'router', type: 'gauge', unit: 'router', description: 'The router exists' } as const;

const described = ['status', 'external_gateway_info', 'admin_state_up', 'name'] as const;

/** Routers by their existence. */
export default defineCentralPollster({
  meters: [meter],
  create: () => ({
    getCounters: (cloud) =>
      listedCounters(cloud.list(networkList('routers')), meter, (item) => ({
        projectId: projectOf(item),
        metadata: item.pick(described),
      })),
  }),
});
