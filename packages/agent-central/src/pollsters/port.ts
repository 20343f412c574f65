import { defineCentralPollster } from '@nephoscope/core/pollster';

import { listedCounters } from '../listed-counters.js';
import { networkList, projectOf } from '../network-list.js';

const meter = { name: 'port', type: 'gauge', unit: 'port', description: 'The port exists' } as const;

const described = [
  'status',
  'name',
  'admin_state_up',
  'network_id',
  'device_owner',
  'mac_address',
  'fixed_ips',
  'device_id',
] as const;

/** Ports by their existence. */
export default defineCentralPollster({
  meters: [meter],
  create: () => ({
    getCounters: (cloud) =>
      listedCounters(cloud.list(networkList('ports')), meter, (item) => ({
        projectId: projectOf(item),
        metadata: item.pick(described),
      })),
  }),
});
